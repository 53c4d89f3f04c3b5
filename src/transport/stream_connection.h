// One TCP connection after its hello exchange: moves bytes between the socket and a StreamDriver.
//
// Each direction is by itself in one of four states:
//   idle     nothing to do until wake_writer or resume_reading (or before start)
//   ready    in the loop's list of connections to serve
//   waiting  a handler is pending: the socket becomes ready, or this connection's next turn comes
//   active   its driver is being asked and its socket used, further up the stack
// I/O is tried first and waited for only when the socket says so.
//
// What has come over any connection that carries much is read before more is sent, each time that
// a buffer full has been: who sends first falls behind in reading by what both ends' buffers hold,
// never catches up, since he gets as much as he sends, and finds each byte when it has left the
// CPU's caches.
//
// The driver's callbacks are called from active only; any of them may close this connection, so
// nothing is touched after a callback before the driver is seen to be still the same. Whoever calls
// serve or resume holds the object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "transport/asio_headers.h"
#include "transport/loop.h"
#include "transport/network.h"
#include "transport/pacing_cap.h"

namespace atoll_core::transport {

class StreamConnection final : public Connection,
                               public std::enable_shared_from_this<StreamConnection> {
 public:
  // What one direction may move before the other connections get their turn.
  static constexpr size_t kBytesPerTurn = 4u << 20;

  StreamConnection(Loop& loop, tcp::socket socket, std::string remote);

  void start(StreamDriver* driver) override;
  void wake_writer() override { wake(writing_); }
  void resume_reading() override { wake(reading_); }
  void close() override;
  void reset() override;
  const std::string& remote() const override { return remote_; }

  // For the loop: serves the directions that are ready.
  void serve();
  // For the loop: reads what is there, without waiting for the handler that is to tell of it.
  // False: there was nothing, for the n-th time in a row.
  bool read_what_came();

 private:
  enum class Flow : uint8_t { kIdle, kReady, kWaiting, kActive };
  enum class Step : uint8_t {
    kMore,     // bytes were moved and more may follow at once
    kBlocked,  // the socket has to become ready first
    kNothing,  // the driver has nothing to move
    kGone,     // closed, or the driver was replaced
  };
  struct Direction {
    tcp::socket::wait_type readiness;
    Step (StreamConnection::*move_bytes)(size_t& moved);
    Flow flow = Flow::kIdle;
    bool woken = false;  // while active
  };

  void wake(Direction& direction);
  void pump(Direction& direction);
  Step move(Direction& direction, Flow after);
  void wait_until_ready(Direction& direction);
  void wait_for_turn(Direction& direction);
  void resume(Direction& direction);
  Step write_some(size_t& moved);
  Step read_some(size_t& moved);
  void adapt_pacing();
  Step fail(const std::string& reason);

  Loop& loop_;
  tcp::socket socket_;
  std::string remote_;
  StreamDriver* driver_ = nullptr;
  bool long_way_ = false;
  bool queued_ = false;  // in the loop's ready list
  bool bulk_ = false;    // in its list of those that carry much
  int found_nothing_ = 0;  // so many times in a row
  std::optional<PacingCap> pacing_;  // where congestion control goes by rates
  Direction reading_;
  Direction writing_;
};

}  // namespace atoll_core::transport
