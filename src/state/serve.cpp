#include "state/serve.h"

#include "base/assert.h"

namespace atoll_core::state {
namespace {

Result<void> check_request(const StateTable& table, const StateRequest& request) {
  if (table.writing() || table.torn()) {
    return fail(ErrorCode::kStateConflict, "the state is being overwritten; it was revision {}",
                table.revision());
  }
  if (request.revision != table.revision()) {
    return fail(ErrorCode::kStateConflict, "the state is revision {}, revision {} was asked for",
                table.revision(), request.revision);
  }
  if (request.tensor >= table.tensors().size()) {
    return fail(ErrorCode::kInvalidArgument, "the state has {} tensors, number {} was asked for",
                table.tensors().size(), request.tensor);
  }
  const StateTensor& tensor = table.tensors()[request.tensor];
  const uint64_t chunks = tensor.chunk_count();
  if (request.chunk_count == 0 || request.first_chunk >= chunks ||
      request.chunk_count > chunks - request.first_chunk) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor {} has {} chunks, {} from number {} were asked for", tensor.name, chunks,
                request.chunk_count, request.first_chunk);
  }
  if (request.item == StateItem::kChunks && request.chunk_count > kChunksPerRequest) {
    return fail(ErrorCode::kInvalidArgument,
                "{} chunks of tensor {} were asked for at once, at most {} may be",
                request.chunk_count, tensor.name, kChunksPerRequest);
  }
  return {};
}

}  // namespace

Result<std::vector<StateResponse>> serve(const StateTable& table, const StateDigests& digests,
                                         const StateRequest& request) {
  if (auto sound = check_request(table, request); !sound) {
    return tl::unexpected<Error>(sound.error());
  }
  ATOLL_ASSERT(digests.tensors.size() == table.tensors().size(), "digests of {} tensors, not {}",
               digests.tensors.size(), table.tensors().size());
  std::vector<StateResponse> responses;
  if (request.item == StateItem::kDigests) {
    const std::span<const ContentDigest> all = digests.tensors[request.tensor].chunks;
    responses.push_back(
        {request, {}, encode_digests(all.subspan(request.first_chunk, request.chunk_count))});
    return responses;
  }
  for (uint32_t i = 0; i < request.chunk_count; ++i) {
    ResponseName name = request;
    name.first_chunk += i;
    name.chunk_count = 1;
    responses.push_back({name, table.tensors()[request.tensor].chunk(name.first_chunk), {}});
  }
  return responses;
}

}  // namespace atoll_core::state
