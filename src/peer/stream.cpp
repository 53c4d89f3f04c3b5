#include "peer/stream.h"

#include <utility>

namespace atoll_core::peer {

size_t Session::Stream::read_spans(std::span<MutableByteSpan> spans) {
  link::FrameStream* stream = frames();
  return stream == nullptr ? 0 : stream->read_spans(spans);
}

bool Session::Stream::on_read(size_t bytes) {
  link::FrameStream* stream = frames();
  if (stream == nullptr) return true;
  const TimePoint now = transport::Network::now();
  session_.engine_->set_now(now);
  const bool whole = stream->on_read(now, bytes);
  if (!whole) broken_reason_ = stream->broken_reason();
  session_.pump();
  return whole;
}

bool Session::Stream::expects_more() const {
  const link::FrameStream* stream = frames();
  return stream != nullptr && stream->in_a_frame();
}

size_t Session::Stream::write_spans(std::span<ByteSpan> spans) {
  link::FrameStream* stream = frames();
  return stream == nullptr ? 0 : stream->write_spans(spans);
}

void Session::Stream::on_written(size_t bytes) {
  if (link::FrameStream* stream = frames()) stream->on_written(bytes);
}

void Session::Stream::reset() {
  if (connection_ == nullptr) return;
  std::exchange(connection_, nullptr)->reset();
  on_closed("it was reset on request");
}

void Session::Stream::on_closed(const std::string& reason) {
  connection_ = nullptr;
  Session& session = session_;
  const link::ConnectionKey key = key_;
  session.engine_->on_closed(transport::Network::now(), key, reason);
  session.close_connection(key);
  session.pump();
}

}  // namespace atoll_core::peer
