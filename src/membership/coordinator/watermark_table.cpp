#include "membership/coordinator/watermark_table.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace atoll_core::membership {
namespace {

template <class Marks>
auto place_of(Marks& marks, PeerId peer) {
  return std::lower_bound(marks.begin(), marks.end(), peer,
                          [](const auto& mark, PeerId other) { return mark.first < other; });
}

}  // namespace

bool WatermarkTable::note(OpKey name, PeerId peer, uint64_t below) {
  name.sequence = 0;
  std::vector<Mark>& marks = marks_[name].below;
  const auto mark = place_of(marks, peer);
  if (mark != marks.end() && mark->first == peer) {
    mark->second = std::max(mark->second, below);
  } else {
    size_t& told = told_[peer];
    if (told == kMarksPerPeer) {
      if (marks.empty()) marks_.erase(name);
      return false;
    }
    marks.insert(mark, {peer, below});
    ++told;
    ++size_;
  }
  changed_.insert(std::move(name));
  return true;
}

template <class Drop>
WatermarkTable::Names::iterator WatermarkTable::drop_marks(Names::iterator name,
                                                           const Drop& drop) {
  std::vector<Mark>& marks = name->second.below;
  const auto dropped = std::stable_partition(marks.begin(), marks.end(),
                                             [&](const Mark& mark) { return !drop(mark.first); });
  for (auto mark = dropped; mark != marks.end(); ++mark) {
    const auto told = told_.find(mark->first);
    if (--told->second == 0) told_.erase(told);
    --size_;
  }
  marks.erase(dropped, marks.end());
  return marks.empty() ? marks_.erase(name) : std::next(name);
}

void WatermarkTable::members_changed() {
  for (const auto& [name, marks] : marks_) changed_.insert(name);
}

void WatermarkTable::forget(Generation generation) {
  std::erase_if(changed_, [&](const OpKey& name) { return name.generation == generation; });
  for (auto name = marks_.begin(); name != marks_.end();) {
    const bool is_of = name->first.generation == generation;
    name = is_of ? drop_marks(name, [](PeerId) { return true; }) : std::next(name);
  }
}

void WatermarkTable::forget(PeerId peer) {
  if (told_.count(peer) == 0) return;
  for (auto name = marks_.begin(); name != marks_.end();) {
    name = drop_marks(name, [peer](PeerId other) { return other == peer; });
  }
}

std::vector<OpKey> WatermarkTable::take_advanced(const GenerationTable& generations) {
  std::vector<OpKey> advanced;
  ParticipantLookup participants(generations);
  for (const OpKey& name : std::exchange(changed_, {})) {
    const auto found = marks_.find(name);
    if (found == marks_.end()) continue;  // who had told of it is gone
    std::vector<PeerId> peers;
    uint64_t lowest = std::numeric_limits<uint64_t>::max();
    uint64_t highest = 0;
    const std::vector<Mark>& marks = found->second.below;
    for (const Participant& participant : participants.of(name)) {
      const auto mark = place_of(marks, participant.peer);
      const bool told = mark != marks.end() && mark->first == participant.peer;
      lowest = std::min(lowest, told ? mark->second : 0);
      highest = std::max(highest, told ? mark->second : 0);
      peers.push_back(participant.peer);
    }
    if (!peers.empty() && lowest > found->second.stable) {
      found->second.stable = lowest;
      OpKey stable = name;
      stable.sequence = lowest;
      advanced.push_back(std::move(stable));
    }
    std::sort(peers.begin(), peers.end());
    const bool settled = peers.empty() || lowest == highest;
    drop_marks(found, [&](PeerId peer) {
      return settled || !std::binary_search(peers.begin(), peers.end(), peer);
    });
  }
  return advanced;
}

}  // namespace atoll_core::membership
