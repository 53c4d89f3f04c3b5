#include "capi/request.h"

#include <algorithm>
#include <utility>

#include "process/thread.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::Result;

namespace atoll_core::capi {

std::unique_ptr<atollRequest> request_of(std::shared_ptr<peer::Session> session,
                                         std::shared_ptr<peer::AwaitedCall> call,
                                         atollRequest::End end) {
  auto request = std::make_unique<atollRequest>();
  request->cancel = [session = std::move(session), id = call->id()] { session->cancel(id); };
  request->call = std::move(call);
  request->end = std::move(end);
  return request;
}

Started run_in_background(const char* name, std::function<Result<void>()> body,
                          std::function<void()> cancel, atollRequest::End end) {
  auto request = std::make_unique<atollRequest>();
  request->call = std::make_shared<peer::AwaitedCall>(0, peer::Caller::kGoesOn, false);
  request->cancel = std::move(cancel);
  request->end = std::move(end);
  auto thread = process::start_thread(name, [call = request->call, body = std::move(body)] {
    const Result<void> result = caught(body);
    if (result) call->finish(peer::CallInfo{}, peer::now());
    else call->finish(tl::unexpected<Error>(result.error()), peer::now());
  });
  if (!thread) return tl::unexpected(thread.error());
  request->runner = std::move(*thread);
  return request;
}

Result<void> wait_request(atollRequest& request, atollOpInfo_t* info) {
  return request.end(peer::wait_for(*request.call, request.cancel), info);
}

namespace {

atollResult_t wait(atollRequest_t request, atollOpInfo_t* info, const char* function) {
  return guard([&]() -> Result<void> {
    ATOLL_TRY(require(request, function, "request"));
    ATOLL_TRY(require_sized(info, function, "info"));
    const std::unique_ptr<atollRequest> owned(request);
    return wait_request(*owned, info);
  });
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollWait(atollRequest_t request, atollOpInfo_t* info) {
  return capi::wait(request, info, "atollWait");
}

atollResult_t atollWaitFor(atollRequest_t request, uint32_t timeout_ms, atollOpInfo_t* info) {
  bool goes_on = false;
  const atollResult_t waited = capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(request, "atollWaitFor", "request"));
    goes_on = !request->call->wait_until_ended_for(std::chrono::milliseconds(timeout_ms));
    return {};
  });
  if (waited == atollSuccess && goes_on) return atollInProgress;
  return waited != atollSuccess ? waited : capi::wait(request, info, "atollWaitFor");
}

atollResult_t atollTest(atollRequest_t request, atollOpInfo_t* info) {
  const bool here = request != nullptr && request->origin.is_here();
  if (here && !request->call->ended()) return atollInProgress;
  return capi::wait(request, info, "atollTest");
}

atollResult_t atollNotify(atollRequest_t request, void (*ended)(void* user), void* user) {
  const char* const function = "atollNotify";
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(request, function, "request"));
    ATOLL_TRY(capi::require(reinterpret_cast<const void*>(ended), function, "ended"));
    if (request->call->notify_by([ended, user] { ended(user); })) return {};
    return atoll_core::fail(atoll_core::ErrorCode::kInvalidUsage,
                            "{}: somebody is notified of the end of this request", function);
  });
}

atollResult_t atollCancel(atollRequest_t request) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(request, "atollCancel", "request"));
    request->cancel();
    return {};
  });
}
