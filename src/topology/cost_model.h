// Predicted seconds of an all-reduce, by algorithm.
//
// The terms are those of the alpha-beta-gamma model as in Thakur, Rabenseifner, Gropp,
// "Optimization of Collective Communication Operations in MPICH" (2005): hops cost latency (alpha),
// bytes cost time on the slowest thing they pass (beta), and each byte that is reduced costs time
// on a CPU (gamma). Here alpha differs by pair, and beta is the slowest of a path, a sender's
// egress and a receiver's ingress, with what each of them carries under that algorithm.
//
// n members, B bytes, l(i,j) latencies, h what a hop costs besides, o one more message on a host
// that has several, s_i the share that member i reduces.
//
// ring: hops      2(n-1) in a row, on edges that follow each other; the longest such walk is two
//                 rounds less the two cheapest consecutive edges.
//       bytes     2 (n-1)/n B over each edge; segments are pipelined, so the slowest edge decides.
//       reduced   (n-1)/n B
// mesh: hops      2: the dearest way from anybody over a hub (s_i > 0) to anybody.
//       messages  2 (n-1) of its own and 2 (hubs-1) to others at a hub, less those of the hops
//       bytes     to the hubs:   egress (1-s_i) B, ingress (n-1) s_i B, path i to j s_j B
//                 from the hubs: egress (n-1) s_i B, ingress (1-s_i) B, path i to j s_i B
//                 with even shares that is 2 (n-1)/n B on each host and 2/n B on each path, all in
//                 all: as much on hosts as a ring, and less on paths.
//       reduced   (n-1) max s_i B
// star: a mesh with one hub of share 1: its ingress and its egress carry (n-1) B.
// direct: hops    1: the slowest pair.
//       messages  (n-1) out, (n-1) in, less those of the hop
//       bytes     (n-1) B on each host's egress and ingress, B on each path.
//       reduced   (n-1) B
//       copied    n B: its own is sent from a copy, and what comes is kept until all is there
//
// Members that share a computer share its CPUs. Every message takes some of their time at both
// ends, and so does every byte; what they take together, divided by the CPUs that can work on it,
// is the least that a call can last, however fast the ways are. A member by itself has one CPU.
//
// The two ways of mesh and star overlap once a call has several segments: then what a host or path
// carries both ways together decides; the first segment goes one way after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "topology/measurements.h"
#include "topology/plan.h"

namespace atoll_core::topology {

// To be calibrated by benchmarks.
struct CostParameters {
  // What a hop costs above the measured latency: two system calls and the receiver's wake-up.
  double seconds_per_hop = 20e-6;
  // One more message that a host sends or receives at the same time: a system call and its frame.
  double seconds_per_message = 2e-6;
  double reduced_bytes_per_second = 10e9;
  // Fitted to 2 peers on 2 CPUs: direct and ring take equally long at 256 KiB, and at 1 MiB the one
  // took 1.64 ms and the other 1.17.
  double copied_bytes_per_second = 10e9;
  // Of a shared CPU, at one end: a system call, a wake-up, the frame; and a copy and a checksum.
  // Fitted to 4 peers on 2 CPUs: star, direct, mesh and ring of 4 KiB took 0.32, 0.42, 0.78 and
  // 0.68 ms, and 4 to 5 ns for each byte beyond that.
  double cpu_seconds_per_message = 16e-6;
  double cpu_seconds_per_byte = 0.66e-9;
  // Of a CPU, when one member has more to do than the others: a star's hub.
  double one_cpu_efficiency = 0.8;
  // What several transfers through one host reach of its limit together: they collide in queues,
  // and end at different times. A ring has one transfer each way and no such loss.
  double sharing_efficiency = 0.95;
  // From how many bytes on the two ways of mesh and star overlap.
  uint64_t segment_bytes = 1u << 20;
};

// Linear in bytes, with one bend.
struct Cost {
  double fixed_seconds = 0;  // infinite: it cannot be done
  double first_seconds_per_byte = 0;
  double rest_seconds_per_byte = 0;
  uint64_t first_bytes = 0;

  double seconds(uint64_t bytes) const;
};

// An impossible cost is infinite: an edge of the ring, or a path that the algorithm needs, is not
// there. Alone, everything is free.
Cost ring_cost(const Network& network, const std::vector<uint32_t>& ring, const CostParameters&);
Cost star_cost(const Network& network, uint32_t hub, const CostParameters&);
Cost mesh_cost(const Network& network, const std::vector<uint32_t>& shares, const CostParameters&);
Cost direct_cost(const Network& network, const CostParameters&);

// Of all algorithms, under what a plan says about each; `algorithm` is not kAuto.
class PlanCosts {
 public:
  PlanCosts(const Network& network, const Plan& plan, const CostParameters& parameters = {});
  double seconds(Algorithm algorithm, uint64_t bytes) const;

 private:
  Cost ring_;
  Cost star_;
  Cost mesh_;
  Cost direct_;
};

}  // namespace atoll_core::topology
