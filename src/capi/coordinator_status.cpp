#include "peer/coordinator_status.h"

#include "capi/guard.h"
#include "capi/text.h"

namespace capi = atoll_core::capi;
using atoll_core::ErrorCode;
using atoll_core::Result;

atollResult_t atollGetCoordinatorStatus(const char* address, uint32_t timeout_ms, char* json,
                                        size_t capacity, size_t* needed) {
  return capi::guard([&]() -> Result<void> {
    static const char* const kFunction = "atollGetCoordinatorStatus";
    ATOLL_TRY(capi::require(address, kFunction, "address"));
    const auto endpoint = atoll_core::parse_endpoint(address);
    if (!endpoint) {
      return atoll_core::fail(ErrorCode::kInvalidArgument, "{}: 'address': {}", kFunction,
                              endpoint.error().message);
    }
    if (timeout_ms == 0) {
      return atoll_core::fail(ErrorCode::kInvalidArgument,
                              "{}: 'timeout_ms' must be greater than 0", kFunction);
    }
    const auto status = atoll_core::peer::coordinator_status_json(
        *endpoint, std::chrono::milliseconds(timeout_ms));
    if (!status) return tl::unexpected(status.error());
    return capi::copy_text(*status, kFunction, {json, capacity, needed});
  });
}
