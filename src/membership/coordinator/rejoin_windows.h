// How long a coordinator of a list waits for the rest of a run.
//
// Two parts of a run, neither of which may go on alone, look for each other at several
// coordinators: each part is sent away when the wait ends, goes to the next address, and round
// again. With waits that are the same each time they may miss each other for ever. Say all of four
// coordinators wait for one window, and one part begins at the first, the other at the third: they
// follow each other at the distance of two. So with three coordinators and more some waits, drawn
// by lot, take as many windows as there are coordinators: as long as the other part needs for its
// way round. (One in four was the best share in a model of up to 16 coordinators and three parts;
// half of the pairs meet within two windows where there are four, 19 of 20 within 18.) With two
// coordinators it is enough that the second waits twice as long as the first: two thirds of its
// time a part is there.
#pragma once

#include <cstdint>

#include "base/mix.h"

namespace atoll_core::membership {

inline constexpr uint64_t kOneLongWaitIn = 4;

// At the address of this number, of so many; `lot`: any number that differs from wait to wait.
inline int64_t rejoin_windows(uint32_t address, uint32_t coordinators, uint64_t lot) {
  if (coordinators <= 2) return address == 0 ? 1 : 2;
  return mix(lot) % kOneLongWaitIn == 0 ? coordinators : 1;
}

}  // namespace atoll_core::membership
