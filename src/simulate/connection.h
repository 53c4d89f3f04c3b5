// A connection between two nodes: what is sent arrives in order, each piece after its own delay;
// not while its direction is blocked or the receiver stands still; not at all once it is cut.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "simulate/network.h"
#include "simulate/random.h"
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
  struct Place {  // what a connection stands in; outlives it
    VirtualTime& time;
    Random& random;
    const Network& network;
  };

  Connection(const Place& place, Delays delays, NodeId dialler, NodeId listener)
      : place_(place), delays_(delays), nodes_{dialler, listener} {}

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
  // Both are told at once, although nothing passes between them any more.
  void sever(const std::string& reason);
  // Nothing passes any more, and both ends are told only `silence` later, by their kernels.
  void strand(Duration silence);
  // As if something between had forgotten the connection: the other end is told, this one only
  // `silence` later, by its kernel; what it sends until then is lost.
  void forget(End end, Duration silence);

  bool open(End end) const { return !deaf_[end]; }
  NodeId node(End end) const { return nodes_[end]; }
  uint64_t in_flight(End from) const { return directions_[from].in_flight; }

  static End other(End end) { return end == kDialler ? kListener : kDialler; }

 private:
  struct Item {
    TimePoint arrival;
    std::string bytes;
    std::function<void()> event;  // instead of bytes
  };
  struct Direction {  // by sender
    std::deque<Item> queue;
    uint64_t in_flight = 0;
    bool closing = false;    // nothing is put into the queue any more
    bool scheduled = false;
  };

  void put(End from, Item item);
  void schedule(End from, TimePoint time);
  void deliver(End from);
  void lose_some(End from);
  void announce_close(End from, const std::string& reason);
  void hear_close(End at, const std::string& reason);
  void hear_close_later(End at, Duration delay, const std::string& reason);

  const Place place_;
  const Delays delays_;
  const std::array<NodeId, 2> nodes_;
  std::array<Handler, 2> handlers_;
  std::array<Direction, 2> directions_;
  std::array<bool, 2> deaf_{};
};

}  // namespace atoll_core::simulate
