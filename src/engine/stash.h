// Frames that came before their attempt was begun here: chunks sent on eager credit, and notices
// that a counterpart has posted. Bounded for each sender: an op that nobody posts cannot fill us.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "wire/frame.h"

namespace atoll_core::engine {

class Stash {
 public:
  struct Chunk {
    PeerId from;
    wire::FrameHeader header;
    ByteBuffer payload;
  };
  struct Entry {
    std::vector<Chunk> chunks;
    std::map<PeerId, wire::FrameHeader> posted;  // kCredit frames
  };

  // Whether a chunk of this size may be kept; an error when the sender exceeds its eager credit.
  Result<void> admit(PeerId from, const wire::FrameHeader& header) const;
  void add(PeerId from, const wire::FrameHeader& header, ByteBuffer payload);
  Result<void> add_posted(PeerId from, const wire::FrameHeader& header);

  // What came for this attempt; it is gone from here.
  Entry take(const AttemptId& attempt);

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
  std::map<AttemptId, Entry> entries_;
  std::map<PeerId, uint64_t> bytes_;  // over all entries of one sender
  std::map<PeerId, uint64_t> notices_;
};

}  // namespace atoll_core::engine
