#include "engine/stash.h"

#include <utility>

#include "base/limits.h"

namespace atoll_core::engine {
namespace {

// A sender's view of what has ended may lag behind ours, so honest senders can exceed the credit
// of the moment, but not twice.
constexpr uint64_t kBytesPerSender = 2 * limits::kEagerBytesPerLink;
constexpr uint64_t kNoticesPerSender = limits::kOpsInFlight;

}  // namespace

Result<void> Stash::admit(PeerId from, const wire::FrameHeader& header) const {
  const auto found = bytes_.find(from);
  const uint64_t held = found == bytes_.end() ? 0 : found->second;
  if (held + header.payload_bytes > kBytesPerSender) {
    return fail(ErrorCode::kInternalError,
                "peer {} sent {} bytes ahead of their calls, more than its credit",
                to_string(from), held + header.payload_bytes);
  }
  return {};
}

void Stash::add(PeerId from, const wire::FrameHeader& header, ByteBuffer payload) {
  bytes_[from] += payload.size();
  entries_[header.attempt].chunks.push_back(Chunk{from, header, std::move(payload)});
}

Result<void> Stash::add_posted(PeerId from, const wire::FrameHeader& header) {
  uint64_t& notices = notices_[from];
  if (notices >= kNoticesPerSender) {
    return fail(ErrorCode::kInternalError, "peer {} has {} calls in flight that nobody else made",
                to_string(from), notices);
  }
  if (entries_[header.attempt].posted.emplace(from, header).second) ++notices;
  return {};
}

Stash::Entry Stash::take(const AttemptId& attempt) {
  const auto found = entries_.find(attempt);
  if (found == entries_.end()) return {};
  Entry entry = std::move(found->second);
  entries_.erase(found);
  for (const Chunk& chunk : entry.chunks) bytes_[chunk.from] -= chunk.payload.size();
  for (const auto& [peer, header] : entry.posted) --notices_[peer];
  return entry;
}

}  // namespace atoll_core::engine
