#include "engine/stash.h"

#include <utility>

#include "base/limits.h"

namespace atoll_core::engine {

Result<void> Stash::admit(PeerId from, const wire::FrameHeader& header) {
  if (header.eager) return {};
  return fail(ErrorCode::kInternalError,
              "peer {} sent {} bytes ahead of their call without credit for it", to_string(from),
              header.payload_bytes);
}

void Stash::add(PeerId from, const wire::FrameHeader& header, ByteBuffer payload) {
  entries_[header.attempt].chunks.push_back(Chunk{from, header, std::move(payload)});
}

Result<void> Stash::add_posted(PeerId from, const wire::FrameHeader& header) {
  uint64_t& notices = notices_[from];
  if (notices >= limits::kNoticesPerSender) {
    return fail(ErrorCode::kInternalError, "peer {} has {} calls in flight that nobody else made",
                to_string(from), notices);
  }
  const Posted posted{header.fingerprint, header.argument};
  if (entries_[header.attempt].posted.emplace(from, posted).second) ++notices;
  return {};
}

Stash::Entry Stash::take(const AttemptId& attempt) {
  const auto found = entries_.find(attempt);
  if (found == entries_.end()) return {};
  Entry entry = std::move(found->second);
  entries_.erase(found);
  for (const auto& [peer, posted] : entry.posted) {
    const auto notices = notices_.find(peer);
    if (--notices->second == 0) notices_.erase(notices);
  }
  for (const Chunk& chunk : entry.chunks) {
    if (let_go_) let_go_(chunk.from, chunk.header);
  }
  return entry;
}

}  // namespace atoll_core::engine
