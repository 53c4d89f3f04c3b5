#include "coordinator/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/control_priority.h"
#include "base/tcp_silence.h"
#include "coordinator/socket_address.h"

namespace atoll_core::coordinator {
namespace {

template <class Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

uv_stream_t* as_stream(uv_tcp_t* socket) { return reinterpret_cast<uv_stream_t*>(socket); }

// As the peers' ends. All of it only makes it better: a socket that refuses it still works.
void tune(uv_tcp_t* socket) {
  uv_tcp_nodelay(socket, 1);
  uv_tcp_keepalive(socket, 1, kTcpKeepaliveIdleSeconds);
  uv_os_fd_t file = -1;
  if (uv_fileno(as_handle(socket), &file) != 0) return;
  const auto set = [file](int name, int value) {
    ::setsockopt(file, IPPROTO_TCP, name, &value, sizeof(value));
  };
  put_before_data(file);
  set(TCP_KEEPINTVL, kTcpKeepaliveIntervalSeconds);
  set(TCP_KEEPCNT, kTcpKeepaliveProbes);
  set(TCP_USER_TIMEOUT, kTcpSilenceSeconds * 1000);
}

}  // namespace

Connection::Connection(EventLoop& loop, membership::ConnectionId id, ConnectionHandler& handler,
                       ConnectionLimits limits, MutableByteSpan read_buffer)
    : loop_(loop), id_(id), handler_(handler), limits_(limits) {
  handles_.read_buffer = read_buffer;
  loop_.init(handles_.socket);
  uv_timer_init(loop_.native(), &handles_.linger_timer);
  handles_.socket.data = this;
  handles_.linger_timer.data = this;
  handles_.write.data = this;
  handles_.shutdown.data = this;
}

Result<void> Connection::accept(int descriptor) {
  uv_tcp_t* socket = &handles_.socket;
  if (const int status = uv_tcp_open(socket, descriptor); status != 0) {
    ::close(descriptor);
    return fail(ErrorCode::kSystemError, "cannot accept a control connection: {}",
                describe_uv_error(status));
  }
  const Endpoint remote = remote_endpoint(*socket);
  remote_ = remote.host.empty() ? "a visitor that is gone already" : to_string(remote);
  tune(socket);
  outgoing_.queued.append(wire::kControlPreamble);
  outgoing_.sent += wire::kControlPreamble.size();
  const auto on_alloc = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    const MutableByteSpan bytes = of(handle).handles_.read_buffer;
    *buffer =
        uv_buf_init(reinterpret_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  };
  if (const int status = uv_read_start(as_stream(socket), on_alloc, on_read); status != 0) {
    return fail(ErrorCode::kSystemError, "cannot read from {}: {}", remote_,
                describe_uv_error(status));
  }
  return {};
}

Result<void> Connection::send(std::string_view message) {
  if (!open()) return {};
  if (queued() + message.size() > limits_.queue_bytes_max) {
    return fail(ErrorCode::kPeerLost,
                "{} does not read: {} bytes wait to be sent to it, at most {} may", remote_,
                queued() + message.size(), limits_.queue_bytes_max);
  }
  const size_t before = outgoing_.queued.size();
  wire::append_framed(message, outgoing_.queued);
  outgoing_.sent += outgoing_.queued.size() - before;
  count_queued();
  return {};
}

size_t Connection::queued() const {
  return phase_ == Phase::kClosing ? 0 : outgoing_.queued.size() + outgoing_.in_flight.size();
}

uint64_t Connection::taken() const {
  const auto* stream = reinterpret_cast<const uv_stream_t*>(&handles_.socket);
  return outgoing_.sent - outgoing_.queued.size() - uv_stream_get_write_queue_size(stream);
}

void Connection::count_queued() {
  const size_t now = queued();
  if (limits_.queued_in_all != nullptr) *limits_.queued_in_all += now - outgoing_.counted;
  outgoing_.counted = now;
}

Result<void> Connection::flush() {
  if (phase_ == Phase::kClosing || outgoing_.writing || outgoing_.queued.empty()) return {};
  outgoing_.in_flight.clear();
  std::swap(outgoing_.in_flight, outgoing_.queued);
  const uv_buf_t buffer =
      uv_buf_init(outgoing_.in_flight.data(), static_cast<unsigned>(outgoing_.in_flight.size()));
  const int status = uv_write(&handles_.write, as_stream(&handles_.socket), &buffer, 1, on_written);
  if (status != 0) {
    return fail(ErrorCode::kPeerLost, "cannot write to {}: {}", remote_, describe_uv_error(status));
  }
  outgoing_.writing = true;
  count_queued();
  return {};
}

void Connection::close_after_flush() {
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kLingering;
  const auto on_timer = [](uv_timer_t* timer) { of(timer).abort(); };
  uv_timer_start(&handles_.linger_timer, on_timer, limits_.linger_ms, 0);
  if (!flush()) {
    abort();
    return;
  }
  finish_if_flushed();
}

void Connection::abort() {
  if (phase_ == Phase::kClosing) return;
  phase_ = Phase::kClosing;
  count_queued();
  uv_close(as_handle(&handles_.socket), on_handle_closed);
  uv_close(as_handle(&handles_.linger_timer), on_handle_closed);
}

void Connection::on_handle_closed(uv_handle_t* handle) {
  Connection& self = of(handle);
  if (--self.handles_.open_count > 0) return;
  self.handler_.on_closed(self);  // self is gone
}

void Connection::on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  Connection& self = of(stream);
  self.loop_.guard([&] {
    if (count > 0) {
      const auto* bytes = reinterpret_cast<const std::byte*>(buffer->base);
      self.received({bytes, static_cast<size_t>(count)});
    } else if (count < 0) {
      self.read_ended(static_cast<int>(count));
    }
  });
}

void Connection::on_written(uv_write_t* request, int status) {
  Connection& self = of(request);
  self.loop_.guard([&] { self.written(status); });
}

void Connection::received(ByteSpan bytes) {
  if (!open()) return;
  std::vector<std::string> messages;
  const Result<void> fed = framer_.feed(bytes, messages);
  if (!messages.empty()) handler_.on_messages(*this, std::move(messages));
  else if (fed) handler_.on_bytes(*this);
  if (!fed && open()) handler_.on_garbage(*this, fed.error());
}

void Connection::read_ended(int status) {
  uv_read_stop(as_stream(&handles_.socket));
  if (phase_ == Phase::kLingering && status == UV_EOF) {
    outgoing_.peer_ended = true;
    finish_if_flushed();
    return;
  }
  give_up(status == UV_EOF ? "closed by the other side" : describe_uv_error(status));
}

void Connection::written(int status) {
  outgoing_.writing = false;
  outgoing_.in_flight = std::string();  // a large one must not stay allocated
  if (phase_ == Phase::kClosing) return;
  count_queued();
  if (status != 0) {
    give_up(describe_uv_error(status));
    return;
  }
  if (const auto flushed = flush(); !flushed) {
    give_up(flushed.error().message);
    return;
  }
  if (phase_ == Phase::kLingering) finish_if_flushed();
}

void Connection::give_up(const std::string& reason) {
  const bool was_open = open();
  abort();
  if (was_open) handler_.on_broken(*this, reason);
}

void Connection::finish_if_flushed() {
  if (outgoing_.writing || !outgoing_.queued.empty()) return;
  if (outgoing_.peer_ended) {
    abort();
    return;
  }
  if (std::exchange(outgoing_.shut, true)) return;
  const auto on_shut = [](uv_shutdown_t*, int) {};
  const int status = uv_shutdown(&handles_.shutdown, as_stream(&handles_.socket), on_shut);
  if (status != 0) abort();
}

}  // namespace atoll_core::coordinator
