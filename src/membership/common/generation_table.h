// The generations that ops can still be named in. For each: its members less those that settle
// rounds removed, the plan, and the epoch in which its open ops are attempted. The coordinator and
// each peer keep one, so that a coordinator that knows nothing can learn it from the peers.
//
// Invariants: `attempt` is the generation's first epoch or that of the last settle round, if later;
// members that died stay listed until the round about their death ends, because what is attempted
// until then has their contributions in it. Bounded by kGenerationsKept, oldest forgotten first:
// by who owns the table, since all else that is about a generation goes with it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "membership/common/op_key.h"
#include "membership/common/participant.h"
#include "wire/control.h"

namespace atoll_core::membership {

inline constexpr size_t kGenerationsKept = limits::kGenerations;
// A call that is open for so many is ended, as long as everybody still knows its generation.
inline constexpr size_t kGenerationsOpen = kGenerationsKept / 2;

class GenerationTable {
 public:
  struct Record {
    Epoch attempt;
    std::vector<Participant> members;  // in view order
    topology::Plan plan;               // of the generation, restricted to them
  };

  // `view` is its first, or one that has lost members since.
  void open(const wire::View& view);

  // A settle round ended all attempts; they begin anew in `epoch` without `gone`.
  void restart(Epoch epoch, const std::set<PeerId>& gone);

  // How many have begun since; of one that is forgotten, all that are known.
  size_t since(Generation generation) const;

  // Null: not known, or so long ago that it is forgotten.
  const Record* find(Generation generation) const;

  // Those that take part in an op, in view order; empty when its generation is not known.
  std::vector<Participant> participants(const OpKey& key) const;
  bool takes_part(const OpKey& key, PeerId peer) const;

  // For the attempts of these peers, in view order, who take part in ops of this generation. Where
  // it is forgotten, as it then is on all of them: a plan for so many.
  topology::Plan plan_for(Generation generation, const std::vector<PeerId>& peers) const;

  // Oldest first; the newest that have at most `members_max` members in all.
  std::vector<wire::GenerationState> states(size_t members_max) const;
  // What another one holds of a generation counts if it is of a later epoch.
  void merge(const wire::GenerationState& state);

  // One that is beyond kGenerationsKept, the oldest. Whoever has told of generations by open() and
  // merge() asks until there is none, and makes everybody forget it, before anything else happens.
  std::optional<Generation> to_be_forgotten() const;
  void forget(Generation generation) { generations_.erase(generation); }

  size_t size() const { return generations_.size(); }
  void clear() { generations_.clear(); }

 private:
  std::map<Generation, Record> generations_;
};

// Who takes part in ops that are asked for one after the other: names of one generation and group
// have the same participants, and there may be thousands of them.
class ParticipantLookup {
 public:
  explicit ParticipantLookup(const GenerationTable& generations) : generations_(generations) {}
  // Until the next call, and as long as the table does not change.
  const std::vector<Participant>& of(const OpKey& key);

 private:
  const GenerationTable& generations_;
  std::optional<OpKey> last_;
  std::vector<Participant> participants_;
};

}  // namespace atoll_core::membership
