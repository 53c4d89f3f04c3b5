// Which part of the data each member reduces in a mesh.
#pragma once

#include <cstdint>
#include <vector>

#include "topology/measurements.h"

namespace atoll_core::topology {

// Shares are integers that add up to this.
inline constexpr uint32_t kShareTotal = 1u << 16;

// Shares that end the slowest host's or pair's work as early as possible. With s the member's share
// of 1 and n members, an all-reduce of one byte
//   sends and receives 1 + (n-2) s_i bytes at host i: its own data of the others' shares (1 - s_i),
//   and its own share from, or to, each of the others ((n-1) s_i);
//   carries s_i + s_j bytes from i to j.
//
// Where only hosts limit, the answer is closed: until time T host i, of capacity c_i, can take
// u_i = (T c_i - 1) / (n-2), so T is the largest of what it takes for shares of 1 in all, and of
// 1 / c_i for the slowest host, which has its own data to send whatever its share is. Shares go in
// proportion to u_i at that T: a slow host gets little, and the one that sets T gets nothing.
// Pairs that are slower than that answer allows make it a linear program (minimise the largest of
// sums), which is solved to about a percent by multiplicative weights on a smoothed maximum (Arora,
// Hazan, Kale, "The Multiplicative Weights Update Method", 2012); the best shares seen are kept, so
// they are never worse than those for hosts alone, nor than even ones, but for the rounding to
// whole numbers (up to a percent for a thousand members). For few members a percent is what tests
// against a grid show; with hundreds the number of rounds is bounded first.
//
// A member that does not reach everybody cannot reduce for all: its share is 0. Where there is no
// other member, shares are even, and a mesh is impossible.
std::vector<uint32_t> mesh_shares(const Network& network);

// The same for a plan: even ones, of those that reach everybody, unless others are a tenth faster.
// Measured rates of equal lines differ by as much, and where some then get more than others all
// wait for these.
std::vector<uint32_t> steady_mesh_shares(const Network& network);

// Seconds for one byte under these shares (any scale), as told above; what mesh_shares() minimises.
double mesh_seconds_per_byte(const Network& network, const std::vector<double>& shares);

// Members that have a link to every other.
std::vector<uint32_t> members_that_reach_all(const Network& network);

}  // namespace atoll_core::topology
