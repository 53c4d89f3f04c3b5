// Makes plans of what was measured; for the coordinator.
#pragma once

#include "topology/cost_model.h"
#include "topology/measurements.h"
#include "topology/plan.h"

namespace atoll_core::topology {

// In a direct all-reduce each member keeps what all others sent until it can reduce in member
// order. Calls where that would be more take something else, whatever the model says.
inline constexpr uint64_t kDirectTrafficMax = 4u << 20;

// The star's hub is the one that is fastest for so many bytes: a star is for small calls.
inline constexpr uint64_t kHubBytes = 16u << 10;

// An algorithm takes over from the one for smaller calls only when it is so much faster.
inline constexpr double kTakeOver = 1.02;

// A new plan must be so much faster for some size.
inline constexpr double kWorthChanging = 1.10;

// On ways at least so long, one way, chunks are small: a connection that carries a window in a
// round trip takes a good part of that for a large one.
inline constexpr uint64_t kLongWayNs = 1'000'000;
inline constexpr uint32_t kLongWayChunkBytes = 64u << 10;
inline constexpr uint32_t kNearSegmentsInFlight = 8;

// So many latencies a ring's segment may take over an edge, before others have to wait for it: the
// way itself, a queue of a round trip, a lost packet that is sent again, and all this on a
// connection that gets a tenth of what the others do. Over 40 ms and 100 Mbit/s, a quarter of it
// costs a tenth of the time under BBR.
inline constexpr uint32_t kLatenciesPerHop = 32;

// The matrix takes 90 bytes a pair while a plan is made; up to 1000 members or so that is fine. For
// one shard's group, measure and plan the group: restrict() keeps choices for more members.
//
// Where no ring exists, or none was found, the plan has the view's order and chooses what works
// (star, mesh or direct). Where nothing works it chooses the ring, and the calls will fail: only
// the measurements tell, so ask can_work().
Plan make_plan(const Measurements& measurements, const CostParameters& parameters = {});

// Whether every size has a choice that needs no missing link. A plan may stop to work by
// restrict() or by new measurements.
bool can_work(const Measurements& measurements, const Plan& plan,
              const CostParameters& parameters = {});

// Whether the model says of `fresh` that it is at least 10 % faster at some size between 1 KiB and
// 1 GiB, and that it gains more there than it loses elsewhere; or that it loses nothing and lets
// more than twice as much be in flight. So noise does not reshuffle rings, and of two plans never
// each is worth changing the other for. An `old` that is not a valid plan
// for these members, or no longer works, is worth changing for any that is.
bool worth_changing(const Measurements& measurements, const Plan& old, const Plan& fresh,
                    const CostParameters& parameters = {});

}  // namespace atoll_core::topology
