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
      return reject(now, from,
                    {ErrorCode::kOutOfMemory,
                     fmt::format("{} has told of more than {} names of calls that have not ended "
                                 "on all", display_name(record.info), kMarksPerPeer)});
    }
  }
  changed.marks = true;
}

// What has become stable for a peer it has told of itself.
static_assert(kMarksPerPeer <= limits::kWatermarks);

void CoordinatorMachine::Parts::tell_stable() {
  std::map<PeerId, wire::Stable> lists;
  ParticipantLookup participants(ledgers.generations);
  for (const OpKey& stable : ledgers.marks.take_advanced(ledgers.generations)) {
    // Of small ops the coordinator may know because somebody waited in them.
    ledgers.ops.erase_below(stable);
    for (const Participant& participant : participants.of(stable)) {
      const OpId name = op_for(stable, participant.shard);
      lists[participant.peer].marks.push_back(
          {name.generation, name.group, name.tag, stable.sequence});
    }
  }
  for (auto& [peer, list] : lists) {
    PeerRecord* record = people.roster.find(peer);
    if (record != nullptr) out.send(*record, std::move(list));
  }
}

}  // namespace atoll_core::membership
