#include "engine/collective_kinds.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "base/limits.h"
#include "engine/call_blocks.h"

namespace atoll_core::engine {
namespace {

// Of so many segments the input is kept: four times those in flight (collective/ring_all_reduce.h).
constexpr uint32_t kKeptSegmentsMax = 24;

}  // namespace

// ---- segments that stand -----------------------------------------------------------------------

// collective/ring_all_reduce.h shows that no more segments are begun here and not known to be
// complete everywhere.
std::optional<BackupWindow> KeepingBody::backup_window(size_t world) const {
  return BackupWindow{kKeptSegmentsMax * uint64_t{world},
                      std::max(chunk_bytes_configured(), chunk_bytes_least())};
}

void KeepingBody::begun() {
  if (attempt().participants.size() == 1) hear_reach(data().caller().total_count());
}

void KeepingBody::hear_reach(uint64_t reach) {
  data().backup().drop_below(kept_.heard(reach, complete_below()));
}

Result<void> KeepingBody::abandon_from(uint64_t kept_below) {
  Result<ContributedRange> range = range_to(kept_below, attempt().participants);
  if (!range) return tl::unexpected<Error>(range.error());
  if (auto kept = kept_.keep(std::move(*range), complete_below()); !kept) return kept;
  data().backup().drop_below(kept_below);
  abandon();
  return {};
}

KeptProgress KeepingBody::freeze() {
  if (schedule() != nullptr) schedule()->hold();
  return kept_.freeze(complete_below());
}

void KeepingBody::thaw() {
  data().backup().drop_below(kept_.thaw(complete_below()));
  if (schedule() == nullptr) return;
  collective::Work work;
  schedule()->release(work);
  carry_out(work, own_say());
}

// ---- all-to-alls -------------------------------------------------------------------------------

bool CrossingBody::posts_late() const {
  return elements().total_bytes() <= limits::kLatePostBytes;
}

void CrossingBody::open_attempt() {
  difference_.reset();
  received_.clear();
  sent_.clear();
  for (const PeerId peer : attempt().participants) {
    received_.push_back(received_from(call(), peer));
    sent_.push_back(sent_to(call(), peer, attempt().self));
  }
}

bool CrossingBody::agrees(uint32_t from, const wire::FrameHeader& header) {
  if (from >= received_.size() || header.kind != wire::FrameKind::kData) return true;
  const uint64_t expected = received_[from].count();
  if (header.detail == expected) return true;
  if (!difference_) {
    difference_ = CountDifference{attempt().participants[from], header.detail, expected};
  }
  return false;
}

// ---- small ones --------------------------------------------------------------------------------

void SmallBody::open_attempt() {
  stable_below_ = 0;
  answered_ = false;
  const bool keeps_old_copy = broken(Canary::kSkipFence) && data().has_copy();
  const ElementRange brings = brought_by(call(), attempt().self, data().caller().total_count());
  if (!keeps_old_copy && !data().open_over_caller(brings)) data().open_copy(brings);
}

// A hub keeps its input to itself, and its answer tells others that theirs has come.
void SmallBody::algorithm_chosen(bool star, bool hub) {
  answered_ = star && !hub;
  if (data().reads_caller() && !star) data().open_copy(elements().all());
}

bool SmallBody::posts_late() const { return elements().total_bytes() <= limits::kLatePostBytes; }

WeightList SmallBody::weights(const std::vector<PeerId>& contributors) const {
  return data().weights().of(contributors).value_or(WeightList());
}

Result<void> SmallBody::take_result(ByteSpan payload, bool weighted,
                                    const std::vector<PeerId>& contributors) {
  if (auto taken = data().take_result(payload, weighted, contributors); !taken) return taken;
  note_result(payload.size());
  return {};
}

void SmallBody::hear_reach(uint64_t reach) { stable_below_ = std::max(stable_below_, reach); }

void GatheredBody::open_attempt() {
  SmallBody::open_attempt();
  heard_of_.assign(attempt().participants.size(), 0);
}

void GatheredBody::hear(uint32_t from, uint64_t reach, bool) {
  heard_of_[from] = std::max(heard_of_[from], reach);
  if (!complete()) return;
  uint64_t least = own_reach();
  for (uint32_t i = 0; i < heard_of_.size(); ++i) {
    if (i != self()) least = std::min(least, heard_of_[i]);
  }
  hear_reach(least);
}

}  // namespace atoll_core::engine
