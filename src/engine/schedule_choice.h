// Which schedule carries out a collective call: what its caller asked for, or what the plan of the
// view says. All participants choose alike, from what is the same on all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/element.h"
#include "collective/make_schedule.h"
#include "topology/plan.h"
#include "wire/control.h"

namespace atoll_core::engine {

struct ScheduleNeeds {
  wire::OpKind kind = wire::OpKind::kAllReduce;  // as it is carried out
  topology::Algorithm asked = topology::Algorithm::kAuto;
  bool keeps_segments = false;  // only a ring completes them in order
  bool weighted = false;        // all are to hear of all weights
  uint32_t root = 0;            // participant, of what has one; of a send: who sends
  // By participant, of what has blocks; of a send what each sends.
  std::vector<ElementRange> blocks;
  collective::PairBlocks pairs;  // of an all-to-all, by participant
};

// Of an all-reduce, else kRing for what goes around the ring and kAuto for the rest.
topology::Algorithm choose_algorithm(const ScheduleNeeds& needs, const topology::Plan& plan,
                                     uint64_t bytes);

std::unique_ptr<collective::Schedule> make_schedule(const ScheduleNeeds& needs,
                                                    topology::Algorithm algorithm,
                                                    const topology::Plan& plan,
                                                    const collective::ScheduleRequest& request);

}  // namespace atoll_core::engine
