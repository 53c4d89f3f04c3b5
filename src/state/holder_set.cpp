#include "state/holder_set.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.h"
#include "state/state_table.h"

namespace atoll_core::state {

HolderSet::HolderSet(const std::vector<PeerId>& peers, uint32_t window)
    : window_(std::max<uint32_t>(window, 1)) {
  for (const PeerId peer : peers) {
    if (find(peer) == nullptr) holders_.push_back({peer, 0, 0, false});
  }
}

std::optional<PeerId> HolderSet::pick(uint64_t bytes) {
  Holder* best = nullptr;
  for (Holder& holder : holders_) {
    if (holder.dropped || !has_room(holder, bytes)) continue;
    if (best == nullptr ||
        std::tie(holder.bytes, holder.requests) < std::tie(best->bytes, best->requests)) {
      best = &holder;
    }
  }
  if (best == nullptr) return std::nullopt;
  best->bytes += bytes;
  ++best->requests;
  return best->peer;
}

void HolderSet::release(PeerId peer, uint64_t bytes) {
  Holder* holder = find(peer);
  ATOLL_ASSERT(holder != nullptr && holder->requests > 0 && holder->bytes >= bytes,
               "{} bytes of peer {} released that were not charged", bytes, to_string(peer));
  holder->bytes -= bytes;
  --holder->requests;
}

void HolderSet::drop(PeerId peer, const std::string& sentence) {
  Holder* holder = find(peer);
  if (holder == nullptr || holder->dropped) return;
  holder->dropped = true;
  if (reasons_.size() < kReasonsKept) {
    reasons_.push_back(sentence);
  } else {
    ++reasons_left_out_;
  }
}

void HolderSet::take_back(PeerId peer) {
  Holder* holder = find(peer);
  if (holder != nullptr) holder->dropped = false;
}

bool HolderSet::any_left() const {
  return std::any_of(holders_.begin(), holders_.end(),
                     [](const Holder& holder) { return !holder.dropped; });
}

std::string HolderSet::why_dropped() const {
  if (holders_.empty()) return "there was none";
  std::string text = fmt::format("{}", fmt::join(reasons_, "; "));
  if (reasons_left_out_ > 0) text += fmt::format("; and {} more", reasons_left_out_);
  return text;
}

HolderSet::Holder* HolderSet::find(PeerId peer) {
  const auto found = std::find_if(holders_.begin(), holders_.end(),
                                  [&](const Holder& holder) { return holder.peer == peer; });
  return found == holders_.end() ? nullptr : &*found;
}

bool HolderSet::has_room(const Holder& holder, uint64_t bytes) const {
  if (holder.requests == 0) return true;
  return holder.bytes + bytes <= window_ * kStateChunkBytes &&
         holder.requests < uint64_t{window_} * kSmallRequestsPerChunk;
}

}  // namespace atoll_core::state
