// Eager credit: what one end of a link may send of calls that the other has not made yet. What
// comes of them has to be kept there, so the receiver says how much it takes, as TCP does: a total
// since the link began, which only grows. What is sent counts against it, and what the receiver has
// taken out of its keeping may be sent again.
//
// A receiver has many links and one memory. Its links share an EagerPool; each is to have its share
// at a time (the window), and never less than limits::kEagerBytesLeast, which both ends know
// without having said it. With more links the share is less. What was granted stands: the sender is
// told of the smaller window, and gives back what it has not used.
//
// Example: with 12 links each may have 8 MiB on the way. The 13th to 256th come: the share is 410
// KiB, and each of the first gives back 7.6 MiB as a Skip frame that costs as much.
//
// Invariants: taken <= arrived <= granted; the pool's `used` is the sum over its links of granted
// less taken.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "wire/frame.h"

namespace atoll_core::link {

// What a frame takes of the credit. Many small ones cost more memory than their payloads.
inline uint64_t eager_cost(const wire::FrameHeader& header) {
  const bool instead = header.kind == wire::FrameKind::kSkip && header.payload_bytes == 0;
  return instead ? header.detail : limits::kEagerChunkCost + header.payload_bytes;
}

// Of all links of one receiver; outlives them.
struct EagerPool {
  uint64_t bytes = limits::kEagerBytesInAll;
  uint64_t used = 0;

  uint64_t free() const { return bytes - std::min(bytes, used); }
  // A fifth is for links that have a quarter more than their share, and are not asked to give it
  // back: so not each link that comes or goes is news for all others.
  uint64_t share(size_t links) const {
    return std::clamp<uint64_t>(bytes / 5 * 4 / std::max<size_t>(links, 1),
                                limits::kEagerBytesLeast, limits::kEagerBytesPerLink);
  }
};

// What is told to the sender.
struct EagerGrant {
  uint64_t total = 0;
  uint64_t window = 0;
};

class EagerReceiver {
 public:
  explicit EagerReceiver(EagerPool* pool) : pool_(pool) {
    if (pool_ != nullptr) pool_->used += granted_;
  }
  ~EagerReceiver() {
    if (pool_ != nullptr) pool_->used -= outstanding();
  }
  EagerReceiver(const EagerReceiver&) = delete;
  EagerReceiver& operator=(const EagerReceiver&) = delete;

  // Whether so much more may come. To be asked before memory is taken for it.
  bool admits(uint64_t cost) const { return cost <= granted_ - arrived_; }
  void arrive(uint64_t cost) { arrived_ += cost; }
  // It is not kept any more. What came over a link that was before this one does not count here.
  void take(uint64_t cost) {
    cost = std::min(cost, arrived_ - taken_);
    taken_ += cost;
    if (pool_ != nullptr) pool_->used -= cost;
  }

  void set_window(uint64_t window) { window_ = window; }
  uint64_t window() const { return window_; }
  // Granted, and not taken yet: what may have to be kept.
  uint64_t outstanding() const { return granted_ - taken_; }

  // Something is worth telling: half a window more, or that there is too much by a quarter. A
  // sender that has sent nothing eagerly is content with the least: else the links of 200 peers
  // that begin together would carry 40,000 grants, and later ones that take most of it back.
  bool due() const { return (arrived_ > 0 && raise() >= half(window_)) || shrinks(); }
  EagerGrant tell() {
    const uint64_t more = raise();
    granted_ += more;
    if (pool_ != nullptr) pool_->used += more;
    told_window_ = window_;
    return {granted_, window_};
  }

 private:
  static uint64_t half(uint64_t window) { return std::max<uint64_t>(window / 2, 1); }
  uint64_t raise() const {
    const uint64_t missing = window_ - std::min(window_, outstanding());
    return pool_ == nullptr ? missing : std::min(missing, pool_->free());
  }
  bool shrinks() const {
    return told_window_ > window_ && outstanding() > window_ + window_ / 4;
  }

  EagerPool* pool_;
  uint64_t granted_ = limits::kEagerBytesLeast;
  uint64_t arrived_ = 0;
  uint64_t taken_ = 0;
  uint64_t window_ = limits::kEagerBytesLeast;
  uint64_t told_window_ = limits::kEagerBytesLeast;
};

class EagerSender {
 public:
  bool may_send(uint64_t cost) const { return cost <= granted_ - sent_; }
  void send(uint64_t cost) { sent_ += cost; }

  // Returns how much is given back: it counts as sent.
  uint64_t hear(const EagerGrant& grant) {
    granted_ = std::max(granted_, grant.total);
    const uint64_t window = std::max<uint64_t>(grant.window, limits::kEagerBytesLeast);
    const uint64_t spare = granted_ - sent_;
    if (spare <= window) return 0;
    sent_ += spare - window;
    return spare - window;
  }

 private:
  uint64_t granted_ = limits::kEagerBytesLeast;
  uint64_t sent_ = 0;
};

}  // namespace atoll_core::link
