// The Asio loop and what all connections on it share: who owns them, and which of them have to be
// served when the current turn is over.
//
// A turn is one call from the loop into somebody's callbacks. A driver that is called in a turn may
// wake any connection; that connection is served after the callback has returned, still in the
// same turn. So callbacks are never nested, many wake-ups of one connection become one, and no
// trip through the loop's queue is paid for a wake-up.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "transport/asio_headers.h"
#include "transport/loop_door.h"

namespace atoll_core::transport {

class Connection;
class StreamConnection;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  asio::io_context& context() { return context_; }
  // For threads that nobody waits for.
  const std::shared_ptr<LoopDoor>& door() const { return door_; }

  // Every handler that Asio calls goes through here.
  template <class Callback>
  void turn(Callback&& callback) {
    const TurnGuard guard(*this);
    std::forward<Callback>(callback)();
    serve_ready();
    do_late();
  }

  // The connection lives until release, or as long as the loop.
  Connection* adopt(tcp::socket socket, std::string remote);
  void release(StreamConnection* connection);

  // `connection->serve()` is called once, soon.
  void add_ready(std::shared_ptr<StreamConnection> connection);
  bool at_rest() const { return ready_.empty(); }

  // Called once, soon, when the connections have been served.
  void at_end_of_turn(std::function<void()> late);

  // A connection over which much comes; until it says that nothing does any more.
  void add_bulk(std::shared_ptr<StreamConnection> connection);
  // Reads what has come over these, if enough was sent since the last time for it to matter.
  void read_bulk();
  void sent(size_t bytes) { sent_since_reading_ += bytes; }

 private:
  // Also after an exception the ready connections are served, in a turn of their own.
  class TurnGuard {
   public:
    explicit TurnGuard(Loop& loop) : loop_(loop) { loop_.in_turn_ = true; }
    ~TurnGuard() { loop_.end_turn(); }
    TurnGuard(const TurnGuard&) = delete;
    TurnGuard& operator=(const TurnGuard&) = delete;

   private:
    Loop& loop_;
  };

  // As much as the buffer of a socket within one computer takes (transport/socket_options): of a
  // hub's short answers several go out one behind the other.
  static constexpr size_t kSentBetweenReading = 128u << 10;

  void serve_ready();
  void do_late();
  void end_turn();
  void post_serving();

  asio::io_context context_;  // first: sockets and handlers must not outlive it
  std::shared_ptr<LoopDoor> door_;
  std::unordered_map<StreamConnection*, std::shared_ptr<StreamConnection>> connections_;
  std::deque<std::shared_ptr<StreamConnection>> ready_;
  std::vector<std::function<void()>> late_;
  std::vector<std::shared_ptr<StreamConnection>> bulk_;
  size_t sent_since_reading_ = 0;
  bool in_turn_ = false;
  bool serving_posted_ = false;
};

}  // namespace atoll_core::transport
