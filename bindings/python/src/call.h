// One call of the library: what it works on, its request, and what has become of it.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "atoll/atoll.h"
#include "src/array.h"
#include "src/errors.h"
#include "src/gil.h"

namespace atoll_python {

class CommHandle;

// An array of a call, and the copy that the library works on where the array is no plain memory.
class Lent {
 public:
  enum class Use : uint8_t { kSource, kTarget };

  // `what`: for sentences. A target must be writable, each element of it apart. `dense`: no copy is
  // made; throws where one would be needed.
  Lent(py::handle object, const std::string& what, Use use, bool dense);

  const Array& array() const { return *array_; }
  std::byte* data() const { return copy_ ? copy_.get() : array_->data(); }
  uint64_t count() const { return array_->count(); }
  uint64_t order() const { return order_; }
  // Without the GIL. Back goes what a target holds.
  void fill_copy() const;
  void write_back() const;

 private:
  std::unique_ptr<Array> array_;
  std::unique_ptr<std::byte[]> copy_;
  Use use_;
  uint64_t order_ = 0;
};

// What a call returns besides success.
struct OpInfo {
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  std::vector<uint64_t> ids;
  std::vector<double> weights;
  std::vector<atollOpRange_t> ranges;
};

// Whose result it is decides which of these is there.
struct Results {
  std::unique_ptr<OpInfo> op;
  std::unique_ptr<atollView_t> view;
  std::unique_ptr<atollSyncInfo_t> sync;
  std::unique_ptr<atollDilocoInfo_t> diloco;
};

// Everything but what is marked is under the GIL. A call that nobody holds any more while it is in
// flight is kept in a list until it has ended, so that its arrays live as long.
class Call {
 public:
  explicit Call(std::shared_ptr<CommHandle> comm) : comm_(std::move(comm)) {}
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::vector<std::unique_ptr<Lent>> lent;
  std::vector<std::shared_ptr<void>> kept;  // handles that the library uses meanwhile
  Results results;
  std::function<void(Call&)> when_good;     // once, with the GIL

  // Copies in, then `begin` (without the GIL) makes the request. Throws what it returns.
  void start(const std::function<atollResult_t(atollRequest_t*)>& begin);
  // Without the GIL; may be called by several threads. Whether it has ended.
  bool wait_slice(std::chrono::milliseconds time);
  bool over() const { return over_; }  // and somebody has noticed
  bool ended() { return wait_slice(std::chrono::milliseconds(0)); }
  // Once it has ended: lets go of the arrays; the result, or the exception.
  py::object result();
  void cancel();
  const std::shared_ptr<CommHandle>& comm() const { return comm_; }
  bool is_here() const { return origin_.is_here(); }
  // When it has ended, or at once, from any thread, without the GIL.
  void notify(std::function<void()> listener);

 private:
  // Told by the library of the end; shared with it.
  struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    std::vector<std::function<void()>> listeners;
  };

  static void on_end(void* signal);
  bool test();  // without the GIL, under mutex_: whether it has ended
  void settle();

  const Origin origin_;
  std::shared_ptr<CommHandle> comm_;
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::mutex mutex_;  // of the next three; whoever has it does not wait for the GIL
  atollRequest_t request_ = nullptr;
  std::atomic<bool> over_{true};
  Outcome outcome_;  // constant when it is over
  bool settled_ = false;
};

using CallPointer = std::shared_ptr<Call>;

// Waits, and runs handlers of signals meanwhile. False: `timeout` is over. When a handler raises,
// the call is cancelled, and is given a moment to end; if it has not, the next call of the
// communicator waits for it. Then throws what the handler raised.
bool wait_for(const CallPointer& call, std::optional<double> timeout_s);

// What nobody holds any more, until it has ended.
void keep_until_ended(CallPointer call);
void let_go_of_ended();
void take_orphans_of(const CommHandle& comm, std::vector<CallPointer>& into);

}  // namespace atoll_python
