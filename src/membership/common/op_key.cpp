#include "membership/common/op_key.h"

namespace atoll_core::membership {

std::strong_ordering operator<=>(const OpKey& a, const OpKey& b) {
  if (auto order = a.generation <=> b.generation; order != 0) return order;
  if (auto order = a.scope <=> b.scope; order != 0) return order;
  if (auto order = a.tag <=> b.tag; order != 0) return order;
  if (auto order = a.sequence <=> b.sequence; order != 0) return order;
  if (auto order = a.shard <=> b.shard; order != 0) return order;
  if (auto order = a.pair <=> b.pair; order != 0) return order;
  return a.replica.compare(b.replica) <=> 0;
}

bool same_name(const OpKey& a, const OpKey& b) {
  OpKey other = b;
  other.sequence = a.sequence;
  return a == other;
}

Result<OpKey> key_of(const OpId& op, const Participant& caller) {
  OpKey key{op.generation, Scope::kShards, "", op.tag, op.sequence};
  if (op.group == kGroupAll) {
    key.scope = Scope::kAll;
  } else if (op.group == kGroupReplica) {
    key.scope = Scope::kReplica;
    key.replica = caller.replica;
  } else if (is_pair(op.group)) {
    key.scope = Scope::kPair;
    key.pair = op.group;
  } else if (op.group == kGroupAlone + caller.shard) {
    key.scope = Scope::kShard;
    key.shard = caller.shard;
  } else if (op.group != caller.shard) {
    return fail(ErrorCode::kInvalidArgument, "{} has shard {} and names an op of group {}",
                caller.name, caller.shard, group_name(op.group));
  }
  return key;
}

OpId op_for(const OpKey& key, uint32_t shard) {
  Group group = shard;
  if (key.scope == Scope::kAll) group = kGroupAll;
  if (key.scope == Scope::kReplica) group = kGroupReplica;
  if (key.scope == Scope::kShard) group = kGroupAlone + key.shard;
  if (key.scope == Scope::kPair) group = key.pair;
  return {key.generation, group, key.tag, key.sequence};
}

bool same_group(const OpKey& key, uint32_t one_shard, uint32_t other_shard) {
  return key.scope != Scope::kShards || one_shard == other_shard;
}

std::string describe(const OpKey& key) { return fmt::format("tag {} #{}", key.tag, key.sequence); }

}  // namespace atoll_core::membership
