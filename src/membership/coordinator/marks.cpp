// What has ended on single members, and what therefore has ended on all.
#include <map>
#include <utility>

#include "base/limits.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

void CoordinatorMachine::Parts::handle(TimePoint now, PeerId from, wire::Ended message) {
  const PeerRecord& record = *people.roster.find(from);
  for (const wire::Watermark& mark : message.marks) {
    const Result<OpKey> name =
        key_of({mark.generation, mark.group, mark.tag, 0}, participant_of(record.info));
    if (!name) return reject(now, from, name.error());
    if (!ledgers.generations.takes_part(*name, from)) continue;
    if (!ledgers.marks.note(*name, from, mark.below)) {
      return reject(now, from, {ErrorCode::kOutOfMemory,
                                fmt::format("more than {} watermarks are kept", kMarksMax)});
    }
  }
  changed.marks = true;
}

void CoordinatorMachine::Parts::tell_stable() {
  std::map<PeerId, wire::Stable> lists;
  for (const OpKey& stable : ledgers.marks.take_advanced(ledgers.generations)) {
    // Of small ops the coordinator may know because somebody waited in them.
    ledgers.ops.erase_below(stable);
    for (const Participant& participant : ledgers.generations.participants(stable)) {
      const OpId name = op_for(stable, participant.shard);
      wire::Stable& list = lists[participant.peer];
      list.marks.push_back({name.generation, name.group, name.tag, stable.sequence});
      if (list.marks.size() < limits::kWatermarks) continue;
      if (PeerRecord* record = people.roster.find(participant.peer)) {
        out.send(*record, std::exchange(list, {}));
      }
    }
  }
  for (auto& [peer, list] : lists) {
    PeerRecord* record = people.roster.find(peer);
    if (record != nullptr && !list.marks.empty()) out.send(*record, std::move(list));
  }
}

}  // namespace atoll_core::membership
