// The names of things in a run. All are values: comparable, hashable, printable.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace atoll_core {

// The names below are ordered, for containers. That order says nothing of time where two lives of
// the coordinator have counted alike: who asks what came later uses is_later().

// One life of the coordinator: the highest known counter + 1, with a random part that tells two
// lives apart which counted alike, and decides nothing between them.
struct Incarnation {
  uint32_t counter = 0;
  uint32_t nonce = 0;
  auto operator<=>(const Incarnation&) const = default;
};

// 128 random bits that name one run, drawn when its first view is made. A name that users give may
// be given again tomorrow, at the same address; this one is not.
struct InstanceId {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const InstanceId&) const = default;
  explicit operator bool() const { return high != 0 || low != 0; }  // zero: none
};

// Chosen by the coordinator at registration, never used twice in a run.
struct PeerId {
  uint64_t value = 0;  // 0: nobody
  auto operator<=>(const PeerId&) const = default;
  explicit operator bool() const { return value != 0; }
};

// 128 random bits that a communicator draws for each connect: tells a peer that came back on the
// same port from the one that was there before.
struct SessionId {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const SessionId&) const = default;
};

// 128 bits that the coordinator gives to two peers, and to nobody else: with it one may dial the
// other. Zero: none was given.
struct Ticket {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Ticket&) const = default;
};

// Names a view.
struct Epoch {
  Incarnation incarnation;
  uint64_t number = 0;
  auto operator<=>(const Epoch&) const = default;
};

// Names a generation: the epoch of its first view.
struct Generation {
  Epoch first;
  auto operator<=>(const Generation&) const = default;
};

// Neither of two lives with the same counter is later; nor are their epochs and generations.
bool is_later(const Incarnation& one, const Incarnation& other);
bool is_later(const Epoch& one, const Epoch& other);
bool is_later(const Generation& one, const Generation& other);

// Peers that reduce together. Below kGroupAlone the number is a shard index: the groups of all
// shards make the same calls, which have one verdict. From there on it is kGroupAlone plus a shard
// index: the same peers, but their calls are theirs alone. From kGroupPair up to there it is two
// peers, the first of which sends to the second; see pair_group().
using Group = uint32_t;
inline constexpr Group kGroupPair = 0x40000000u;
inline constexpr Group kGroupAlone = 0x80000000u;
inline constexpr Group kGroupReplica = 0xFFFFFFFEu;  // the shards of one's own replica
inline constexpr Group kGroupAll = 0xFFFFFFFFu;      // every peer of the view
std::string group_name(Group group);  // "all", "replica", "3", "3 alone", "2 to 0"

// A slot is a peer's place in the first view of a generation.
struct PairSlots {
  uint32_t from = 0;
  uint32_t to = 0;
};
Group pair_group(const PairSlots& slots);
bool is_pair(Group group);
PairSlots slots_of(Group group);  // of a pair

struct OpId {
  Generation generation;
  Group group = 0;
  uint64_t tag = 0;
  uint64_t sequence = 0;
  auto operator<=>(const OpId&) const = default;
};

// A retry of an op is a new attempt, known by the epoch in which it began.
struct AttemptId {
  OpId op;
  Epoch epoch;
  auto operator<=>(const AttemptId&) const = default;
};

std::string to_string(const Incarnation& incarnation);
std::string to_string(const InstanceId& instance);  // 32 hexadecimal digits
// Nothing: the text is no such name, or that of none.
std::optional<InstanceId> parse_instance(std::string_view text);
std::string to_string(const PeerId& peer);
std::string to_string(const SessionId& session);
std::string to_string(const Epoch& epoch);
std::string to_string(const Generation& generation);
std::string to_string(const OpId& op);
std::string to_string(const AttemptId& attempt);

}  // namespace atoll_core

template <>
struct std::hash<atoll_core::PeerId> {
  size_t operator()(const atoll_core::PeerId& peer) const noexcept {
    return std::hash<uint64_t>{}(peer.value);
  }
};
