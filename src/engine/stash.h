// Frames that came before their attempt was begun here: chunks sent on eager credit, and notices
// that a counterpart has posted. An op that nobody posts cannot fill us: chunks are bounded by the
// credit of the links (link/eager_credit.h), notices for each sender.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "wire/frame.h"

namespace atoll_core::engine {

class Stash {
 public:
  struct Chunk {
    PeerId from;
    wire::FrameHeader header;
    ByteBuffer payload;
  };
  // What a notice says: a kCredit frame.
  struct Posted {
    uint64_t fingerprint = 0;
    uint64_t total = 0;
  };
  struct Entry {
    std::vector<Chunk> chunks;
    std::map<PeerId, Posted> posted;
    uint64_t number = 0;  // in the order in which they were heard of
  };
  // Of one sender: what it has in flight, and calls that it has ended without us, of which we may
  // hear later than of those that it has made since.
  static constexpr size_t kNoticesMax = limits::kNoticesPerSender + limits::kEarlyVerdicts;

  // A chunk is no longer kept here: its credit is the sender's again.
  using LetGo = std::function<void(PeerId from, const wire::FrameHeader& header)>;

  void on_let_go(LetGo let_go) { let_go_ = std::move(let_go); }

  // Refuses what was not sent on credit: nothing else can come of a call that nobody here has made.
  static Result<void> admit(PeerId from, const wire::FrameHeader& header);
  void add(PeerId from, const wire::FrameHeader& header, ByteBuffer payload);
  Result<void> add_posted(PeerId from, const wire::FrameHeader& header);

  // When the first of this op was heard of, counted from 1; an op of which nothing was is the last.
  static constexpr uint64_t kNotHeard = std::numeric_limits<uint64_t>::max();
  uint64_t heard(const OpId& op) const;

  size_t attempts() const { return entries_.size(); }
  size_t bytes() const;  // of chunks

  // What came for this attempt; it is gone from here.
  Entry take(const AttemptId& attempt);

  // What came for any attempt of this op, which is not to be made any more.
  void drop(const OpId& op);

  // Calls `visit(other, from)` for the notices of the first call of each other group with this tag.
  template <class Visit>
  void for_each_elsewhere(const OpId& op, Visit visit) const {
    const auto from_group = [&](Group group, uint64_t tag) {
      return entries_.lower_bound({OpId{op.generation, group, tag, 0}, Epoch{}});
    };
    auto at = from_group(0, 0);
    while (at != entries_.end() && at->first.op.generation == op.generation) {
      const Group group = at->first.op.group;
      const auto first = from_group(group, op.tag);
      const bool there = first != entries_.end() && first->first.op.group == group &&
                         first->first.op.generation == op.generation &&
                         first->first.op.tag == op.tag;
      if (there && group != op.group) {
        for (const auto& [from, posted] : first->second.posted) visit(first->first.op, from);
      }
      if (group == std::numeric_limits<Group>::max()) return;
      at = from_group(group + 1, 0);
    }
  }

  // Drops what `obsolete(attempt)` says nobody will take.
  template <class Predicate>
  void drop_if(Predicate obsolete) {
    for (auto at = entries_.begin(); at != entries_.end();) {
      const auto next = std::next(at);
      if (obsolete(at->first)) take(at->first);
      at = next;
    }
  }

 private:
  Entry& entry_of(const AttemptId& attempt);

  std::map<AttemptId, Entry> entries_;
  uint64_t heard_ = 0;
  std::map<PeerId, uint64_t> notices_;  // over all entries of one sender
  LetGo let_go_;
};

}  // namespace atoll_core::engine
