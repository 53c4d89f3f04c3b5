#include "membership/link_matrix.h"

#include <iterator>

namespace atoll_core::membership {

void LinkMatrix::report(PeerId from, PeerId to, wire::LinkState state) {
  if (state == wire::LinkState::kUp) {
    up_.emplace(from, to);
  } else {
    up_.erase({from, to});
  }
}

void LinkMatrix::forget(PeerId peer) {
  for (auto pair = up_.begin(); pair != up_.end();) {
    const bool concerns = pair->first == peer || pair->second == peer;
    pair = concerns ? up_.erase(pair) : std::next(pair);
  }
}

bool LinkMatrix::linked(PeerId one, PeerId other) const {
  return up_.count({one, other}) != 0 && up_.count({other, one}) != 0;
}

}  // namespace atoll_core::membership
