// Which peers say that a data link with which others stands. A pair is linked when both ends say
// so.
//
// Invariant: only reports of "up" are kept; a peer that is forgotten has neither row nor column.
#pragma once

#include <set>
#include <utility>

#include "base/ids.h"
#include "wire/control.h"

namespace atoll_core::membership {

class LinkMatrix {
 public:
  void report(PeerId from, PeerId to, wire::LinkState state);
  void forget(PeerId peer);
  bool linked(PeerId one, PeerId other) const;

 private:
  std::set<std::pair<PeerId, PeerId>> up_;  // (who says so, about whom)
};

}  // namespace atoll_core::membership
