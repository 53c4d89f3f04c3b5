#include "topology/tournament.h"

namespace atoll_core::topology {

uint32_t tournament_rounds(uint32_t members) {
  if (members < 2) return 0;
  return members % 2 == 0 ? members - 1 : members;
}

// All but one sit in a circle of an odd number of seats, and meet whose number adds up to the
// round's with theirs. Who would meet itself meets the one outside, who is nobody when the number
// of members is odd.
std::optional<uint32_t> opponent(uint32_t members, uint32_t round, uint32_t member) {
  const uint64_t seats = tournament_rounds(members);
  if (seats == 0) return std::nullopt;
  const auto outside = static_cast<uint32_t>(seats);
  const bool has_outside = outside < members;
  if (member == outside) return static_cast<uint32_t>(round % seats * ((seats + 1) / 2) % seats);
  const auto other = static_cast<uint32_t>((round % seats + seats - member) % seats);
  if (other != member) return other;
  if (!has_outside) return std::nullopt;
  return outside;
}

}  // namespace atoll_core::topology
