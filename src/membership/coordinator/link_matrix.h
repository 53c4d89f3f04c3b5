// Which peers say that a data link with which others stands. A pair is linked when both ends say
// so.
//
// Hundreds of peers that start together report tens of thousands of links before the first view is
// made, and who may be in it is asked again and again meanwhile. So rows are bits, and how many a
// peer is linked with is counted as reports come.
//
// Invariants: only reports of "up" are kept; a peer that is forgotten has neither row nor column;
// row `i` has bit `j` of `linked` set exactly if rows i and j have each other's bit of `says` set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "wire/control.h"

namespace atoll_core::membership {

class LinkMatrix {
 public:
  void report(PeerId from, PeerId to, wire::LinkState state);
  void forget(PeerId peer);
  bool linked(PeerId one, PeerId other) const;
  size_t size() const { return places_.size(); }  // peers
  // How many others this one is linked with.
  size_t count(PeerId peer) const;

  // Peers of which it is to be known whether another one is linked with all of them. Of use until
  // the matrix changes.
  class Group {
   public:
    explicit Group(const LinkMatrix& links) : links_(&links) {}
    void add(PeerId peer);
    bool all_linked_with(PeerId peer) const;

   private:
    const LinkMatrix* links_;
    std::vector<uint64_t> bits_;
    bool has_stranger_ = false;  // of whom nobody has reported anything
    bool empty_ = true;
  };

 private:
  using Bits = std::vector<uint64_t>;
  struct Row {
    Bits says;
    Bits linked;
    size_t linked_count = 0;
  };

  const Row* find(PeerId peer) const;
  size_t place_of(PeerId peer);
  void set_linked(size_t one, size_t other, bool linked);

  std::unordered_map<PeerId, size_t> places_;
  std::vector<Row> rows_;
  std::vector<size_t> free_places_;
};

}  // namespace atoll_core::membership
