#include "base/ids.h"

#include <charconv>

#include <fmt/format.h>

#include "base/limits.h"

namespace atoll_core {

Group pair_group(const PairSlots& slots) {
  return kGroupPair + slots.from * static_cast<Group>(limits::kPeers) + slots.to;
}

bool is_pair(Group group) { return group >= kGroupPair && group < kGroupAlone; }

PairSlots slots_of(Group group) {
  const Group number = group - kGroupPair;
  return {number / static_cast<Group>(limits::kPeers), number % static_cast<Group>(limits::kPeers)};
}

std::string group_name(Group group) {
  if (group == kGroupAll) return "all";
  if (group == kGroupReplica) return "replica";
  if (group >= kGroupAlone) return fmt::format("{} alone", group - kGroupAlone);
  if (is_pair(group)) return fmt::format("{} to {}", slots_of(group).from, slots_of(group).to);
  return std::to_string(group);
}

bool is_later(const Incarnation& one, const Incarnation& other) {
  return one.counter > other.counter;
}

bool is_later(const Epoch& one, const Epoch& other) {
  if (one.incarnation == other.incarnation) return one.number > other.number;
  return is_later(one.incarnation, other.incarnation);
}

bool is_later(const Generation& one, const Generation& other) {
  return is_later(one.first, other.first);
}

std::string to_string(const Incarnation& incarnation) {
  return fmt::format("{}~{:08x}", incarnation.counter, incarnation.nonce);
}

std::string to_string(const InstanceId& instance) {
  return fmt::format("{:016x}{:016x}", instance.high, instance.low);
}

std::optional<InstanceId> parse_instance(std::string_view text) {
  constexpr size_t kDigits = 16;
  InstanceId instance;
  if (text.size() != 2 * kDigits) return std::nullopt;
  for (uint64_t* half : {&instance.high, &instance.low}) {
    const char* end = text.data() + kDigits;
    const auto parsed = std::from_chars(text.data(), end, *half, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    text.remove_prefix(kDigits);
  }
  return instance ? std::optional(instance) : std::nullopt;
}

std::string to_string(const PeerId& peer) {
  return fmt::format("{}.{}", peer.value >> 32, peer.value & 0xFFFFFFFFu);
}

std::string to_string(const SessionId& session) {
  return fmt::format("{:016x}{:016x}", session.high, session.low);
}

std::string to_string(const Epoch& epoch) {
  return fmt::format("{}.{}", epoch.incarnation.counter, epoch.number);
}

std::string to_string(const Generation& generation) { return "g" + to_string(generation.first); }

std::string to_string(const OpId& op) {
  return fmt::format("{} group {} tag {} #{}", to_string(op.generation), group_name(op.group),
                     op.tag, op.sequence);
}

std::string to_string(const AttemptId& attempt) {
  return fmt::format("{} @{}", to_string(attempt.op), to_string(attempt.epoch));
}

}  // namespace atoll_core
