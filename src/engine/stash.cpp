#include "engine/stash.h"

#include <algorithm>
#include <utility>

namespace atoll_core::engine {

Result<void> Stash::admit(PeerId from, const wire::FrameHeader& header) {
  if (header.eager) return {};
  return fail(ErrorCode::kInternalError,
              "peer {} sent {} bytes ahead of their call without credit for it", to_string(from),
              header.payload_bytes);
}

void Stash::add(PeerId from, const wire::FrameHeader& header, ByteBuffer payload) {
  entry_of(header.attempt).chunks.push_back(Chunk{from, header, std::move(payload)});
}

Result<void> Stash::add_posted(PeerId from, const wire::FrameHeader& header) {
  const auto entry = entries_.find(header.attempt);
  // A call that lasts says again that it was posted.
  if (entry != entries_.end() && entry->second.posted.count(from) != 0) return {};
  uint64_t& notices = notices_[from];
  if (notices >= kNoticesMax) {
    return fail(ErrorCode::kInternalError, "peer {} has {} calls in flight that nobody else made",
                to_string(from), notices);
  }
  ++notices;
  entry_of(header.attempt).posted.emplace(from, Posted{header.fingerprint, header.detail});
  return {};
}

Stash::Entry& Stash::entry_of(const AttemptId& attempt) {
  const auto [entry, fresh] = entries_.try_emplace(attempt);
  if (fresh) entry->second.number = ++heard_;
  return entry->second;
}

uint64_t Stash::heard(const OpId& op) const {
  uint64_t first = kNotHeard;
  for (auto at = entries_.lower_bound({op, Epoch{}}); at != entries_.end() && at->first.op == op;
       ++at) {
    first = std::min(first, at->second.number);
  }
  return first;
}

size_t Stash::bytes() const {
  size_t bytes = 0;
  for (const auto& [attempt, entry] : entries_) {
    for (const Chunk& chunk : entry.chunks) bytes += chunk.payload.size();
  }
  return bytes;
}

void Stash::drop(const OpId& op) {
  for (auto at = entries_.lower_bound({op, Epoch{}}); at != entries_.end() && at->first.op == op;) {
    const AttemptId attempt = (at++)->first;
    take(attempt);
  }
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
