// How the coordinator names an op. Where the groups of the shards of one call end with one verdict,
// the key of the call drops the group; in messages each peer sees its own group number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "membership/common/participant.h"

namespace atoll_core::membership {

enum class Scope : uint8_t {
  kAll,      // one group of all peers
  kShards,   // the groups of equal shards, ending together
  kShard,    // the group of one shard, ending by itself
  kReplica,  // the shards of one replica
  kPair,     // two peers, one of which sends to the other
};

struct OpKey {
  Generation generation;
  Scope scope = Scope::kAll;
  std::string replica;  // kReplica only
  uint64_t tag = 0;
  uint64_t sequence = 0;
  uint32_t shard = 0;  // kShard only
  Group pair = 0;      // kPair only: the group

  friend bool operator==(const OpKey&, const OpKey&) = default;
  friend std::strong_ordering operator<=>(const OpKey& a, const OpKey& b);
};

// The same but for the sequence.
bool same_name(const OpKey& a, const OpKey& b);

// Refuses a group that `caller` does not belong to. Who is in a pair only its generation tells.
Result<OpKey> key_of(const OpId& op, const Participant& caller);

// The name of the op as a peer with this shard knows it.
OpId op_for(const OpKey& key, uint32_t shard);

// True when the two peers, participants of `key` both, reduce with each other.
bool same_group(const OpKey& key, uint32_t one_shard, uint32_t other_shard);

// "tag 7 #4"
std::string describe(const OpKey& key);

}  // namespace atoll_core::membership
