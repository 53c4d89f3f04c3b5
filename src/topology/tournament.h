// Who measures with whom, and when: rounds of disjoint pairs in which each member meets each other
// one once, by the circle method of chess tournaments.
#pragma once

#include <cstdint>
#include <optional>

namespace atoll_core::topology {

// One less than there are members, or as many when their number is odd.
uint32_t tournament_rounds(uint32_t members);

// Nothing when this member has a rest in this round.
std::optional<uint32_t> opponent(uint32_t members, uint32_t round, uint32_t member);

}  // namespace atoll_core::topology
