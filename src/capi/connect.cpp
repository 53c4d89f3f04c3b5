#include <atomic>
#include <utility>

#include "capi/comm.h"
#include "capi/dump.h"
#include "capi/guard.h"
#include "capi/request.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::Error;
using atoll_core::ErrorCode;
using atoll_core::Result;
using atoll_core::fail;

namespace atoll_core::capi {
namespace {

// One atollCommConnect. The communicator outlives it.
class Connecting {
 public:
  Connecting(atollComm& comm, const char* function) : comm_(comm), function_(function) {}

  // Blocking. A thread that is cancelled meanwhile cancels it.
  Result<void> run();
  // Any thread: run() returns soon. Looking up names goes on for as long as that takes.
  void cancel();

 private:
  Result<void> leave_old();
  // What run() works on from now on, unless it was cancelled.
  Result<void> use(const std::shared_ptr<peer::Session>& session);
  void drop(const std::shared_ptr<peer::Session>& session);

  static Error cancelled() {
    return {ErrorCode::kCancelled, "connecting was cancelled"};
  }

  atollComm& comm_;
  const char* const function_;
  bool cancelled_ = false;                  // under the communicator's mutex
  std::shared_ptr<peer::Session> session_;  // the same
};

Result<void> Connecting::run() {
  ATOLL_TRY(leave_old());
  peer::SessionConfig config;
  {
    const std::lock_guard<std::mutex> lock(comm_.mutex);
    config = comm_.config;
  }
  auto created = peer::Session::create(std::move(config));
  if (!created) return tl::unexpected(created.error());
  const std::shared_ptr<peer::Session> session = std::move(*created);
  ATOLL_TRY(use(session));
  const auto call = peer::start_connect(*session, peer::Caller::kWaits);
  const auto result = peer::wait_for(*call, [&] { session->cancel(call->id()); });
  if (result) return {};
  keep_report(comm_, *session);
  auto error = dumped(comm_, result.error());
  drop(session);
  return error;
}

Result<void> Connecting::leave_old() {
  std::shared_ptr<peer::Session> old;
  {
    const std::lock_guard<std::mutex> lock(comm_.mutex);
    if (comm_.current != nullptr && !comm_.current->left()) {
      return fail(ErrorCode::kInvalidUsage, "{}: the communicator is connected", function_);
    }
    old = std::exchange(comm_.current, nullptr);
  }
  if (old == nullptr) return {};
  keep_report(comm_, *old);
  const std::lock_guard<std::mutex> lock(comm_.mutex);
  old->pass_on_memory(comm_.config);
  return {};  // `old` joins its thread, and gives its port back, before a new one binds
}

Result<void> Connecting::use(const std::shared_ptr<peer::Session>& session) {
  const std::lock_guard<std::mutex> lock(comm_.mutex);
  if (comm_.current != nullptr) {
    return fail(ErrorCode::kInvalidUsage, "{}: called twice at the same time", function_);
  }
  if (cancelled_) return tl::unexpected<Error>(cancelled());
  session_ = comm_.current = session;
  comm_.last_view = {};
  return {};
}

void Connecting::drop(const std::shared_ptr<peer::Session>& session) {
  const std::lock_guard<std::mutex> lock(comm_.mutex);
  if (comm_.current == session) comm_.current = nullptr;
}

void Connecting::cancel() {
  std::shared_ptr<peer::Session> session;
  {
    const std::lock_guard<std::mutex> lock(comm_.mutex);
    cancelled_ = true;
    session = session_;
  }
  if (session != nullptr) session->leave(cancelled(), true);
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollCommConnect(atollComm_t comm) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(comm, "atollCommConnect", "comm"));
    return capi::Connecting(*comm, "atollCommConnect").run();
  });
}

atollResult_t atollCommConnectAsync(atollComm_t comm, atollRequest_t* request) {
  const char* const function = "atollCommConnectAsync";
  return capi::asynchronous(request, function, [&]() -> capi::Started {
    ATOLL_TRY(capi::require(comm, function, "comm"));
    const auto connecting = std::make_shared<capi::Connecting>(*comm, function);
    return capi::run_in_background(
        "atoll-connect", [connecting] { return connecting->run(); },
        [connecting] { connecting->cancel(); },
        [](Result<peer::CallInfo> result, atollOpInfo_t*) -> Result<void> {
          ATOLL_TRY(std::move(result));
          return {};
        });
  });
}
