// The names of what is fetched outside of any call: the content that a sync has left, by a peer
// that is still pending. It belongs to no generation, and each revision is an attempt of its own,
// so that all of it can be revoked at once.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace atoll_core::engine {

inline AttemptId background_attempt(Group shard, uint64_t tag, uint64_t revision) {
  AttemptId attempt;
  attempt.op.group = shard;
  attempt.op.tag = tag;
  attempt.epoch.number = revision;
  return attempt;
}

inline bool is_background(const AttemptId& attempt) {
  return attempt.op.generation == Generation{};
}

}  // namespace atoll_core::engine
