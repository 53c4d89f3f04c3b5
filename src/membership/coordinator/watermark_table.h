// How far each member is with the ops of each name: those below its watermark have ended there.
// What has ended on all participants is stable: nobody can ask for it any more.
//
// A run that takes a tag for each step has as many names as steps. A name of which all marks are
// stable needs no memory: each mark tells of all that has ended, so the next ones say the same
// anew. Such names are dropped when the table has grown to twice what it had to keep last.
//
// Invariants: marks of a name that is kept never decrease; `stable` is what the participants were
// told last; bounded by kMarksMax, which takes that many calls that have ended on some and not on
// others.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "membership/common/generation_table.h"
#include "membership/common/op_key.h"

namespace atoll_core::membership {

inline constexpr size_t kMarksMax = limits::kMarks;
inline constexpr size_t kSweepAtLeast = 1u << 14;

class WatermarkTable {
 public:
  // `name`: a key whose sequence counts for nothing. False: the table is full.
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
  struct Marks {
    std::map<PeerId, uint64_t> below;
    uint64_t stable = 0;
  };

  void drop_settled();

  std::map<OpKey, Marks> marks_;  // sequence 0
  std::set<OpKey> changed_;
  size_t size_ = 0;
  size_t sweep_at_ = kSweepAtLeast;
};

}  // namespace atoll_core::membership
