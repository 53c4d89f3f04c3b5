// The peers that a state is fetched from, and how much each of them has been asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace atoll_core::state {

// Invariants: what is charged to a holder is released once, also after it was dropped; a dropped
// holder is not picked unless it was taken back.
class HolderSet {
 public:
  // Requests for small things are cheap to have outstanding: this many count as one chunk.
  static constexpr uint32_t kSmallRequestsPerChunk = 64;

  // `window`: chunks outstanding at each holder. Peers that are named twice count once.
  HolderSet(const std::vector<PeerId>& peers, uint32_t window);

  // The one with the least outstanding, the first of equals, and charges it; none if all are full.
  std::optional<PeerId> pick(uint64_t bytes);
  void release(PeerId peer, uint64_t bytes);

  // Nothing more is asked of `peer`; the sentence says why. The first reason stays.
  void drop(PeerId peer, const std::string& sentence);
  void take_back(PeerId peer);
  bool any_left() const;
  // The reasons of the dropped, as one sentence.
  std::string why_dropped() const;

 private:
  struct Holder {
    PeerId peer;
    uint64_t bytes = 0;
    uint32_t requests = 0;
    bool dropped = false;
  };
  static constexpr size_t kReasonsKept = 4;

  Holder* find(PeerId peer);
  bool has_room(const Holder& holder, uint64_t bytes) const;

  std::vector<Holder> holders_;
  uint32_t window_;
  std::vector<std::string> reasons_;
  size_t reasons_left_out_ = 0;
};

}  // namespace atoll_core::state
