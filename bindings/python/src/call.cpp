#include "src/call.h"

#include <algorithm>
#include <utility>

#include "src/comm_handle.h"
#include "src/gil.h"
#include "src/results.h"

namespace atoll_python {
namespace {

using std::chrono::milliseconds;

// So often a thread that waits looks at signals.
constexpr milliseconds kSlice{50};
// So long an interrupted call may still end before the interrupt is raised.
constexpr milliseconds kToEndAfterInterrupt{300};

// Never freed: when the interpreter ends, what is in it may still be in flight.
std::vector<CallPointer>& orphans() {
  static auto* const all = new std::vector<CallPointer>;
  return *all;
}

}  // namespace

// Whoever holds the last reference has seen the end, or has given it to keep_until_ended().
Call::~Call() = default;

void Call::on_end(void* given) {
  using Pointer = std::shared_ptr<Signal>;
  const std::unique_ptr<Pointer> signal(static_cast<Pointer*>(given));
  std::vector<std::function<void()>> listeners;
  {
    const std::lock_guard<std::mutex> lock((*signal)->mutex);
    (*signal)->ended = true;
    listeners.swap((*signal)->listeners);
    (*signal)->changed.notify_all();
  }
  for (const auto& listener : listeners) listener();
}

void Call::start(const std::function<atollResult_t(atollRequest_t*)>& begin) {
  without_gil([&] {
    for (const auto& one : lent) one->fill_copy();
    const std::lock_guard<std::mutex> lock(mutex_);
    outcome_ = outcome_of(begin(&request_));
    if (!outcome_.good()) return 0;
    over_ = false;
    if (!test()) atollNotify(request_, on_end, new std::shared_ptr<Signal>(signal_));
    return 0;
  });
  require(outcome_);
}

// Under mutex_.
bool Call::test() {
  atollOpInfo_t* const info = results.op ? &results.op->info : nullptr;
  const Outcome outcome = outcome_of(atollTest(request_, info));
  if (outcome.result == atollInProgress) return false;
  request_ = nullptr;
  outcome_ = outcome;
  if (outcome.good()) {
    for (const auto& one : lent) one->write_back();
  }
  over_ = true;
  return true;
}

bool Call::wait_slice(milliseconds time) {
  if (over_ || !is_here()) return true;
  {
    std::unique_lock<std::mutex> lock(signal_->mutex);
    if (!signal_->changed.wait_for(lock, time, [this] { return signal_->ended; })) return false;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  return over_ || test();
}

void Call::settle() {
  if (std::exchange(settled_, true)) return;
  lent.clear();
  if (outcome_.good() && when_good) when_good(*this);
  when_good = nullptr;
  kept.clear();
}

py::object Call::result() {
  if (!is_here()) {
    refuse(atollInvalidUsage, "this call belongs to the process from which this one was forked: "
                              "a child connects a communicator of its own");
  }
  settle();
  require(outcome_);
  return to_python(results);
}

void Call::cancel() {
  if (!is_here()) return;
  without_gil([this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!over_) atollCancel(request_);
    return 0;
  });
}

void Call::notify(std::function<void()> listener) {
  without_gil([&] {
    bool ended = over_ || !is_here();
    if (!ended) {
      const std::lock_guard<std::mutex> lock(signal_->mutex);
      ended = signal_->ended;
      if (!ended) signal_->listeners.push_back(std::move(listener));
    }
    if (ended) listener();
    return 0;
  });
}

bool wait_for(const CallPointer& call, std::optional<double> timeout_s) {
  if (call->over()) return true;
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  for (;;) {
    milliseconds time = kSlice;
    if (timeout_s) {
      const std::chrono::duration<double> left =
          std::chrono::duration<double>(*timeout_s) - (Clock::now() - began);
      time = std::clamp(std::chrono::ceil<milliseconds>(left), milliseconds(0), kSlice);
    }
    if (without_gil([&] { return call->wait_slice(time); })) return true;
    try {
      handle_signals();
    } catch (...) {
      call->cancel();
      if (!without_gil([&] { return call->wait_slice(kToEndAfterInterrupt); })) {
        call->comm()->await_before_next(call);
      }
      throw;
    }
    if (timeout_s && Clock::now() - began >= std::chrono::duration<double>(*timeout_s)) {
      return false;
    }
  }
}

void keep_until_ended(CallPointer call) {
  if (closing() || !call->is_here()) {
    (void)new CallPointer(std::move(call));  // for ever: there is no saying when it ends
    return;
  }
  orphans().push_back(std::move(call));
}

void take_orphans_of(const CommHandle& comm, std::vector<CallPointer>& into) {
  std::erase_if(orphans(), [&](const CallPointer& call) {
    if (call->comm().get() != &comm) return false;
    into.push_back(call);
    return true;
  });
}

void let_go_of_ended() {
  auto& all = orphans();
  if (all.empty()) return;
  std::vector<CallPointer> ended;
  for (size_t i = 0; i < all.size();) {
    const CallPointer call = all[i];
    const bool over = without_gil([&] { return call->ended(); });
    // Others may have changed the list meanwhile.
    const auto found = std::find(all.begin(), all.end(), call);
    if (!over || found == all.end()) {
      ++i;
      continue;
    }
    ended.push_back(call);
    all.erase(found);
    try {
      call->result();
    } catch (py::error_already_set&) {
      // Nobody asks for it.
    }
  }
}

}  // namespace atoll_python
