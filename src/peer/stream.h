// Joins one connection of the network to its frame stream in the engine.
#pragma once

#include <string>

#include "peer/session.h"

namespace atoll_core::peer {

class Session::Stream final : public transport::StreamDriver {
 public:
  Stream(Session& session, link::ConnectionKey key, transport::Connection& connection)
      : session_(session), key_(key), connection_(&connection) {}

  void start() { connection_->start(this); }
  void wake_writer() {
    if (connection_ != nullptr) connection_->wake_writer();
  }
  void close() {
    if (connection_ != nullptr) std::exchange(connection_, nullptr)->close();
  }
  // The same, but what was not sent is forgotten, and the other side is told so.
  void cut() {
    if (connection_ != nullptr) std::exchange(connection_, nullptr)->reset();
  }
  // As if the network had reset the connection. This object is gone afterwards.
  void reset();

  size_t read_spans(std::span<MutableByteSpan> spans) override;
  bool on_read(size_t bytes) override;
  bool expects_more() const override;
  size_t write_spans(std::span<ByteSpan> spans) override;
  void on_written(size_t bytes) override;
  void on_closed(const std::string& reason) override;
  std::string broken_reason() const override { return broken_reason_; }

 private:
  link::FrameStream* frames() const { return session_.engine_->stream(key_); }

  Session& session_;
  const link::ConnectionKey key_;
  transport::Connection* connection_;  // null once it is closed
  std::string broken_reason_;
};

}  // namespace atoll_core::peer
