#include "transport/control_client.h"

#include <utility>

#include <fmt/format.h>

#include "base/control_priority.h"
#include "base/limits.h"
#include "transport/socket_options.h"
#include "transport/turn_timer.h"

namespace atoll_core::transport {

std::shared_ptr<ControlClient> ControlClient::open(Loop& loop, std::vector<Endpoint> candidates,
                                                   Duration timeout,
                                                   Network::ControlHandler handler,
                                                   names::NameLookups& names,
                                                   std::shared_ptr<ControlPulse> pulse) {
  auto client = std::shared_ptr<ControlClient>(new ControlClient(loop, std::move(handler)));
  client->pulse_ = std::move(pulse);
  RaceOptions options;
  options.candidates = std::move(candidates);
  options.timeout = timeout;
  options.names = &names;
  // Weak, because the client owns the race.
  const std::weak_ptr<ControlClient> owner = client;
  options.on_waiting = [owner](const std::string& what) {
    const auto self = owner.lock();
    const auto told = self ? self->handler_ : nullptr;
    if (told && told->on_waiting) told->on_waiting(what);
  };
  client->race_ = CandidateRace::start(loop, std::move(options), [owner](RaceOutcome outcome) {
    if (const auto self = owner.lock()) self->on_race_over(std::move(outcome));
  });
  return client;
}

ControlClient::ControlClient(Loop& loop, Network::ControlHandler handler)
    : loop_(loop),
      handler_(std::make_shared<Network::ControlHandler>(std::move(handler))),
      flush_deadline_(loop.context()) {}

void ControlClient::send(std::string bytes) {
  if (!handler_ || bytes.empty()) return;
  if (queued_.size() + bytes.size() > limits::kControlQueueBytes) {
    loop_.at_end_of_turn([self = shared_from_this()] {
      self->fail(fmt::format("the coordinator at {} does not read: {} bytes wait to be sent to it",
                             self->remote_, self->queued_.size()));
    });
    return;
  }
  queued_ += bytes;
  if (!socket_ || std::exchange(due_, true)) return;
  loop_.at_end_of_turn([self = shared_from_this()] { self->send_queued(); });
}

void ControlClient::close() {
  if (due_) send_queued();
  end_pulse();
  if (!std::exchange(handler_, nullptr)) return;
  if (race_) return std::exchange(race_, nullptr)->cancel();
  if (!socket_) return;
  flush_deadline_.expires_after(kFlushTime);
  flush_deadline_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
    if (!cancelled) self->socket_.reset();
  });
  if (sending_.empty()) shut_down();
}

void ControlClient::on_race_over(RaceOutcome outcome) {
  race_ = nullptr;
  if (!outcome.socket) return fail(outcome.reason);
  socket_ = std::move(outcome.socket);
  remote_ = std::move(outcome.remote);
  std::error_code ignored;
  const Network::ControlEnds ends{address_of(socket_->local_endpoint(ignored)),
                                  address_of(socket_->remote_endpoint(ignored))};
  socket_->non_blocking(true, ignored);
  put_before_data(socket_->native_handle());
  if (pulse_) pulse_->begin(socket_->native_handle());
  flush();
  receive();
  const auto handler = handler_;
  if (handler->on_connected) handler->on_connected(ends);
}

void ControlClient::receive() {
  socket_->async_read_some(asio::buffer(received_), [self = shared_from_this()](
                                                        const std::error_code& error,
                                                        size_t bytes) {
    if (!self->socket_) return;
    if (error) {
      return self->loop_.turn([&] {
        self->fail(error == asio::error::eof
                       ? fmt::format("the coordinator at {} closed the connection", self->remote_)
                       : fmt::format("the connection to the coordinator at {} broke: {}",
                                     self->remote_, error.message()));
      });
    }
    self->loop_.turn([&] {
      const auto handler = self->handler_;
      if (handler && handler->on_bytes) {
        handler->on_bytes(ByteSpan(self->received_).first(bytes));
      }
    });
    if (self->socket_) self->receive();
  });
}

// Without a wait, if the socket takes it now. An error shows again in flush.
void ControlClient::send_queued() {
  if (!std::exchange(due_, false) || !socket_) return;
  const auto write_some = [this] {
    std::error_code error;
    const size_t sent = socket_->write_some(asio::buffer(queued_), error);
    if (!error) queued_.erase(0, sent);
    return queued_.empty();
  };
  if (sending_.empty()) {
    if (pulse_) pulse_->write(steady_now(), queued_, write_some);
    else write_some();
  }
  flush();
}

void ControlClient::flush() {
  if (!sending_.empty()) return;
  if (queued_.empty()) {
    if (!handler_) shut_down();
    return;
  }
  if (pulse_) pulse_->set_whole(false);
  sending_.swap(queued_);
  asio::async_write(*socket_, asio::buffer(sending_),
                    [self = shared_from_this()](const std::error_code& error, size_t) {
                      if (!self->socket_ || error) return;  // the read fails and tells
                      self->sending_.clear();
                      if (self->pulse_) self->pulse_->set_whole(self->queued_.empty());
                      self->flush();
                    });
}

void ControlClient::end_pulse() {
  if (!pulse_) return;
  pulse_->end();
  pulse_ = nullptr;
}

// The socket is closed when the coordinator has closed its side too: closed earlier, with bytes of
// the coordinator unread, it would be reset, and the last message might be lost with it.
void ControlClient::shut_down() {
  std::error_code ignored;
  socket_->shutdown(tcp::socket::shutdown_send, ignored);
}

void ControlClient::fail(const std::string& reason) {
  end_pulse();
  socket_.reset();
  flush_deadline_.cancel();
  const auto handler = std::exchange(handler_, nullptr);
  if (handler && handler->on_failed) handler->on_failed(reason);
}

}  // namespace atoll_core::transport
