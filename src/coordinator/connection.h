// One control connection: preamble, framed messages both ways, a bounded queue of what is to be
// sent, and an orderly end.
//
// States: open → lingering (close_after_flush: nothing is delivered any more; what is queued is
// sent, then the sending half is shut, then the peer's end is awaited, all within linger_ms) →
// closing (abort) → on_closed. Waiting for the peer's end matters: closing a socket that has unread
// bytes resets the connection, and the peer would lose the sentence that says why it was refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <uv.h>

#include "base/bytes.h"
#include "base/error.h"
#include "coordinator/event_loop.h"
#include "membership/coordinator/coordinator_machine.h"
#include "wire/control_framing.h"

namespace atoll_core::coordinator {

class Connection;

// Called on the loop's thread. None of them may destroy the connection but on_closed.
class ConnectionHandler {
 public:
  virtual void on_messages(Connection& connection, std::vector<std::string> messages) = 0;
  // Bytes of a message that is not whole yet.
  virtual void on_bytes(Connection& connection) = 0;
  // The bytes are no messages; the connection delivers nothing more, and is still to be closed.
  virtual void on_garbage(Connection& connection, const Error& error) = 0;
  // The other side, or the network, ended it; it is closing.
  virtual void on_broken(Connection& connection, const std::string& reason) = 0;
  // Nothing refers to it any more. It comes once, after abort() in any form.
  virtual void on_closed(Connection& connection) noexcept = 0;

 protected:
  ~ConnectionHandler() = default;
};

struct ConnectionLimits {
  size_t queue_bytes_max = 0;  // a peer that reads so little that more is queued is given up
  uint64_t linger_ms = 5000;
  size_t* queued_in_all = nullptr;  // the sum of queued() over all connections; outlives them
};

class Connection {
 public:
  // `read_buffer` may be shared by all connections of a loop.
  Connection(EventLoop& loop, membership::ConnectionId id, ConnectionHandler& handler,
             ConnectionLimits limits, MutableByteSpan read_buffer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes a socket that was accepted, which is closed with this connection or on an error, and
  // queues the preamble. After an error only abort() may be called.
  Result<void> accept(int descriptor);

  // Queues a message; flush() sends what is queued. An error says that the queue is full.
  Result<void> send(std::string_view message);
  Result<void> flush();
  // The memory of what waits to be sent, and how much the system has taken so far.
  size_t queued() const;
  uint64_t taken() const;
  void close_after_flush();
  void abort();

  membership::ConnectionId id() const { return id_; }
  const std::string& remote() const { return remote_; }  // "HOST:PORT", for sentences
  bool open() const { return phase_ == Phase::kOpen; }

 private:
  enum class Phase { kOpen, kLingering, kClosing };

  template <class Handle>
  static Connection& of(const Handle* handle) {
    return *static_cast<Connection*>(handle->data);
  }
  static void on_handle_closed(uv_handle_t* handle);
  static void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer);
  static void on_written(uv_write_t* request, int status);

  // Keeps the sum over all connections.
  void count_queued();
  void received(ByteSpan bytes);
  void read_ended(int status);
  void written(int status);
  void give_up(const std::string& reason);
  void finish_if_flushed();

  EventLoop& loop_;
  membership::ConnectionId id_;
  ConnectionHandler& handler_;
  ConnectionLimits limits_;
  std::string remote_;
  Phase phase_ = Phase::kOpen;
  wire::ControlFramer framer_;

  // libuv's, in use until on_closed.
  struct Handles {
    uv_tcp_t socket{};
    uv_timer_t linger_timer{};
    uv_write_t write{};
    uv_shutdown_t shutdown{};
    int open_count = 2;  // socket and timer
    MutableByteSpan read_buffer;
  } handles_;

  // One write at a time; what comes meanwhile is collected for the next one.
  struct Outgoing {
    std::string queued;
    std::string in_flight;
    uint64_t sent = 0;   // what was queued since the beginning
    size_t counted = 0;  // in queued_in_all
    bool writing = false;
    bool shut = false;        // the sending half
    bool peer_ended = false;  // the receiving half
  } outgoing_;
};

}  // namespace atoll_core::coordinator
