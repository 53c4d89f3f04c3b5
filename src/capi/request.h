// The call behind atollRequest_t, and behind each blocking call while that waits.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <thread>

#include "atoll/atoll.h"
#include "capi/comm.h"
#include "capi/guard.h"
#include "peer/calls.h"

struct atollRequest : atoll_core::capi::Handle {
  // What is to be made of what has come of the call; by the thread that is told of its end, once.
  using End = std::function<atoll_core::Result<void>(
      atoll_core::Result<atoll_core::peer::CallInfo> result, atollOpInfo_t* info)>;

  atollRequest() = default;
  // Once the call has ended. What `end` has captured goes, also when nobody has called it, because
  // the thread that waited was cancelled.
  ~atollRequest() {
    if (runner.joinable()) runner.join();
  }
  atollRequest(const atollRequest&) = delete;
  atollRequest& operator=(const atollRequest&) = delete;

  std::shared_ptr<atoll_core::peer::AwaitedCall> call;
  End end;
  std::function<void()> cancel;
  std::thread runner;  // of a call that consists of others; ends with it
};

namespace atoll_core::capi {

// Which function was called, and whether it waits for the end of its call.
struct CallSite {
  const char* function = "";
  peer::Caller caller = peer::Caller::kGoesOn;
};

using Started = Result<std::unique_ptr<atollRequest>>;

// A call of this session.
std::unique_ptr<atollRequest> request_of(std::shared_ptr<peer::Session> session,
                                         std::shared_ptr<peer::AwaitedCall> call,
                                         atollRequest::End end);
// `body`, which waits for calls, on a thread of its own, named `name`. `end` is told of success by
// any value.
Started run_in_background(const char* name, std::function<Result<void>()> body,
                          std::function<void()> cancel, atollRequest::End end);

// Waits, and returns the call's result.
Result<void> wait_request(atollRequest& request, atollOpInfo_t* info);

// What a function of the C API does that starts a call and returns.
template <class Start>
atollResult_t asynchronous(atollRequest_t* out, const char* function, Start&& start) {
  return guard([&]() -> Result<void> {
    ATOLL_TRY(require(out, function, "request"));
    *out = nullptr;
    Started request = start();
    if (!request) return tl::unexpected(request.error());
    *out = request->release();
    return {};
  });
}

// And one that starts a call and waits for its end.
template <class Start>
atollResult_t blocking(atollOpInfo_t* info, const char* function, Start&& start) {
  return guard([&]() -> Result<void> {
    ATOLL_TRY(require_sized(info, function, "info"));
    Started request = start();
    if (!request) return tl::unexpected(request.error());
    return wait_request(**request, info);
  });
}

}  // namespace atoll_core::capi
