// What peers ask each other for in a state transfer, and the names of what they answer.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "wire/frame.h"

namespace atoll_core::state {

enum class StateItem : uint32_t {
  kDigests = 0,  // the digests of some chunks, in one response
  kChunks = 1,   // the bytes of some chunks, one response for each
};

// A response is named by the request that would ask for it alone.
struct StateRequest {
  uint32_t tensor = 0;
  StateItem item = StateItem::kDigests;
  uint64_t first_chunk = 0;
  uint32_t chunk_count = 0;
  uint64_t revision = 0;
  auto operator<=>(const StateRequest&) const = default;
};
using ResponseName = StateRequest;

std::string to_string(const StateRequest& request);

// The fields of wire::FrameKind::kStateRequest, kStateData and kStateRefused.
void put_request(const StateRequest& request, wire::FrameHeader& header);
Result<StateRequest> request_of(const wire::FrameHeader& header);

}  // namespace atoll_core::state
