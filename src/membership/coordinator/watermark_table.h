// How far each member is with the ops of each name: those below its watermark have ended there.
// What has ended on all participants is stable: nobody can ask for it any more.
//
// A run that takes a tag for each step has as many names as steps. When the marks of a name are the
// same on all participants, everything that anybody has told of is stable, and the name is dropped:
// each mark tells of all that has ended, so the next ones say the same anew. So the table holds the
// names of calls that have ended on some and not on others, and nothing else however long the run.
//
// Example: of a call with tag 7 that three members make, the first two tell that it has ended; the
// name takes two marks. The third tells so, too: all three are told `stable`, and the name is gone.
//
// Invariants: marks of a name that is kept never decrease; `stable` is what the participants were
// told last; those who are gone have no marks once take_advanced() has looked at the name; one
// peer has at most kMarksPerPeer, which no peer needs that keeps what it has told of
// (limits::kCallsKept).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "membership/common/generation_table.h"
#include "membership/common/op_key.h"

namespace atoll_core::membership {

inline constexpr size_t kMarksPerPeer = limits::kMarksPerPeer;

class WatermarkTable {
 public:
  // `name`: a key whose sequence counts for nothing. False: this peer has too many marks.
  bool note(OpKey name, PeerId peer, uint64_t below);

  // The names that have become stable further, each with its mark as sequence: since their last
  // call, when these marks were noted or members are gone.
  std::vector<OpKey> take_advanced(const GenerationTable& generations);
  // Members are gone: fewer must have got so far.
  void members_changed();
  void forget(Generation generation);
  void forget(PeerId peer);
  void clear() { *this = WatermarkTable(); }
  size_t size() const { return size_; }  // marks that are kept

 private:
  using Mark = std::pair<PeerId, uint64_t>;
  struct Marks {
    std::vector<Mark> below;  // by peer
    uint64_t stable = 0;
  };
  using Names = std::map<OpKey, Marks>;

  // Drops the marks for which `drop` is true, and the name if it has none left; returns the next.
  template <class Drop>
  Names::iterator drop_marks(Names::iterator name, const Drop& drop);

  Names marks_;  // sequence 0
  std::set<OpKey> changed_;
  std::map<PeerId, size_t> told_;  // marks of each
  size_t size_ = 0;
};

}  // namespace atoll_core::membership
