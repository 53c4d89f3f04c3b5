#include "membership/coordinator/watermark_table.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace atoll_core::membership {

bool WatermarkTable::note(OpKey name, PeerId peer, uint64_t below) {
  name.sequence = 0;
  if (size_ >= sweep_at_) drop_settled();
  const auto known = marks_.find(name);
  const bool fresh = known == marks_.end() || known->second.below.count(peer) == 0;
  if (fresh && size_ >= kMarksMax) return false;
  Marks& marks = marks_[name];
  const auto [mark, inserted] = marks.below.try_emplace(peer, below);
  if (inserted) ++size_;
  mark->second = std::max(mark->second, below);
  changed_.insert(std::move(name));
  return true;
}

void WatermarkTable::drop_settled() {
  std::erase_if(marks_, [this](const auto& entry) {
    const Marks& marks = entry.second;
    const bool settled = changed_.count(entry.first) == 0 &&
                         std::all_of(marks.below.begin(), marks.below.end(), [&](const auto& mark) {
                           return mark.second <= marks.stable;  // less: of those who are gone
                         });
    if (settled) size_ -= marks.below.size();
    return settled;
  });
  sweep_at_ = std::max(2 * size_, kSweepAtLeast);
}

void WatermarkTable::members_changed() {
  for (const auto& [name, marks] : marks_) changed_.insert(name);
}

void WatermarkTable::forget(Generation generation) {
  std::erase_if(changed_, [&](const OpKey& name) { return name.generation == generation; });
  std::erase_if(marks_, [&](const auto& entry) {
    if (entry.first.generation != generation) return false;
    size_ -= entry.second.below.size();
    return true;
  });
}

void WatermarkTable::forget(PeerId peer) {
  for (auto& [name, marks] : marks_) size_ -= marks.below.erase(peer);
}

std::vector<OpKey> WatermarkTable::take_advanced(const GenerationTable& generations) {
  std::vector<OpKey> advanced;
  for (const OpKey& name : std::exchange(changed_, {})) {
    const auto found = marks_.find(name);
    const std::vector<Participant> participants = generations.participants(name);
    if (participants.empty()) continue;  // all who took part are gone
    uint64_t lowest = std::numeric_limits<uint64_t>::max();
    for (const Participant& participant : participants) {
      const auto mark = found->second.below.find(participant.peer);
      lowest = std::min(lowest, mark == found->second.below.end() ? 0 : mark->second);
    }
    if (lowest <= found->second.stable) continue;
    found->second.stable = lowest;
    OpKey stable = name;
    stable.sequence = lowest;
    advanced.push_back(std::move(stable));
  }
  return advanced;
}

}  // namespace atoll_core::membership
