// Which ends of a link belong together. Frames are counted per link, so both ends must have begun
// it together. But one end may have been dropped and made again while the other stood: a
// coordinator that was started again may for a moment know only one of the two peers, or give one
// another id. If they went on, each would take what the other sends for what it has already.
//
// So each end has a life, a number that is higher than that of every end that this peer had there
// before. Hellos tell it, and to which life of the other end it is bound. An end is bound when its
// first connection stands, and from then on counts frames with that life only. An end that is bound
// and hears of a higher life begins anew: with a new life, bound to nothing.
//
//   says     hears           because
//   3, 8     8, 3            both are bound to each other: the connection may stay
//   3, -     8, - or 8, 3    nothing has been counted here yet: bound to 8 from now on
//   3, 8     9, -            the other end was made again: begins anew, with life 4
//   3, -     8, 2            the other end is bound to an older one; hearing 3, it begins anew
//   3, 8     7, 3            an old answer that was long on its way
//
// That ends: an end begins anew only while it is bound, to a higher life than it is bound to, and
// then is not bound; so of two ends that have both begun anew neither does so once more.
#pragma once

#include <cstdint>

namespace atoll_core::engine {

class LinkLife {
 public:
  explicit LinkLife(uint64_t own) : own_(own) {}

  uint64_t own() const { return own_; }
  // Which it is bound to; 0: none.
  uint64_t bound_to() const { return bound_ ? other_ : 0; }

  // The other end is of life `other`, and this one counts with an older one.
  bool is_outlived_by(uint64_t other) const { return bound_ && other > other_; }
  // `own`: higher than before. Ends that are older than `other` are not to come back.
  void begin_anew(uint64_t own, uint64_t other) {
    own_ = own;
    other_ = other;
    bound_ = false;
  }

  // Whether a connection may stay with an end of life `other` that is bound to `bound_to`. Not
  // while this one is outlived.
  bool fits(uint64_t other, uint64_t bound_to) const {
    const bool knows_this = bound_to == 0 || bound_to == own_;
    return other != 0 && knows_this && other >= other_ && !is_outlived_by(other);
  }
  void bind(uint64_t other) {
    other_ = other;
    bound_ = true;
  }

 private:
  uint64_t own_;
  uint64_t other_ = 0;
  bool bound_ = false;  // to other_
};

}  // namespace atoll_core::engine
