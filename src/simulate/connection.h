// A connection between two ends: what is sent arrives in order, each piece after its own delay, or
// not at all once the connection is cut.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "simulate/virtual_time.h"

namespace atoll_core::simulate {

struct Delays {
  Duration least = std::chrono::milliseconds(1);
  Duration most = std::chrono::milliseconds(20);
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum End : size_t { kDialler = 0, kListener = 1 };

  struct Handler {
    std::function<void(ByteSpan)> on_bytes;
    std::function<void(const std::string& reason)> on_closed;  // once, and nothing after it
  };

  Connection(VirtualTime& time, Random& random, Delays delays)
      : time_(time), random_(random), delays_(delays) {}

  void attach(End end, Handler handler) { handlers_[end] = std::move(handler); }

  void send(End from, std::string bytes);
  // Something else that happens at the other end, in order with the bytes.
  void tell(End from, std::function<void()> event);
  // This end hears nothing any more; the other is told after what is on its way.
  void close(End end, const std::string& reason);
  // The end's process is gone: the other is told, and may miss the last of what was sent.
  void abandon(End end, const std::string& reason);
  // Both are told, at times of their own; some of what is on its way is lost.
  void cut(const std::string& reason);

  bool open(End end) const { return !deaf_[end]; }
  uint64_t in_flight(End from) const { return directions_[from].in_flight; }

 private:
  struct Direction {  // by sender
    TimePoint last_arrival{};
    TimePoint lost_after = kNever;
    uint64_t in_flight = 0;
    bool closing = false;
  };

  static End other(End end) { return end == kDialler ? kListener : kDialler; }
  TimePoint arrival(Direction& direction);
  void lose_some(Direction& direction);
  void announce_close(End from, const std::string& reason);

  VirtualTime& time_;
  Random& random_;
  const Delays delays_;
  std::array<Handler, 2> handlers_;
  std::array<Direction, 2> directions_;
  std::array<bool, 2> deaf_{};
};

}  // namespace atoll_core::simulate
