// How a coordinator dies in the middle of what it is saying: after so many more messages of a kind
// it says nothing, and what it was about to say is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "membership/coordinator/coordinator_machine.h"

namespace atoll_core::simulate {

class LastWords {
 public:
  using Items = std::vector<membership::CoordinatorOutput::Item>;

  enum class Kind : uint8_t {
    kVerdicts,  // those with verdicts
    kViews,     // those that end a settle round about all, with the next view
  };
  struct Limit {
    uint64_t messages = 0;  // after which it is silent; 0: it goes on
    Kind kind = Kind::kVerdicts;
  };

  // `fallen_silent` is called once, after the last message. A limit of verdicts holds; one of
  // views, to which it may never come, gives way to the next.
  void limit(Limit limit, std::function<void()> fallen_silent);
  // It goes on, unless it has said its last.
  void lift_limit() { limit_ = {}; }
  void begin_another_life() { *this = {}; }

  // `items` is what one input has led to; the message at `index` has just been said.
  void said(const Items& items, size_t index);
  const Limit& limit() const { return limit_; }
  bool silent() const { return silent_; }

  // Of a call of all shards the commit has reached a peer of one shard, and was said to no peer
  // of another, to some of whom it would have been.
  bool parted_shards(const std::function<bool(membership::ConnectionId)>& has_heard) const;

 private:
  struct Told {
    OpId call;  // its group left out
    Group shard = 0;
    membership::ConnectionId to;
    bool said = false;
  };

  Limit limit_;  // what is left of it
  bool silent_ = false;
  std::function<void()> fallen_silent_;
  std::vector<Told> commits_;  // of what the last input has led to
};

}  // namespace atoll_core::simulate
