#include "state/request.h"

namespace atoll_core::state {

std::string to_string(const StateRequest& request) {
  return fmt::format("{} {} to {} of tensor {} in revision {}",
                     request.item == StateItem::kDigests ? "digests" : "chunks",
                     request.first_chunk, request.first_chunk + request.chunk_count,
                     request.tensor, request.revision);
}

void put_request(const StateRequest& request, wire::FrameHeader& header) {
  header.segment = request.tensor;
  header.step = static_cast<uint32_t>(request.item);
  header.element_offset = request.first_chunk;
  header.element_count = request.chunk_count;
  header.detail = request.revision;
}

Result<StateRequest> request_of(const wire::FrameHeader& header) {
  if (header.step > static_cast<uint32_t>(StateItem::kChunks)) {
    return fail(ErrorCode::kInvalidArgument, "a state frame names the unknown item {}",
                header.step);
  }
  return StateRequest{header.segment, static_cast<StateItem>(header.step), header.element_offset,
                      header.element_count, header.detail};
}

}  // namespace atoll_core::state
