#include "fuzz/played_peers.h"

#include <array>
#include <iterator>

#include "base/limits.h"

namespace atoll_core::fuzz {

// ---- connections

wire::Hello PlayedPeers::hello_of(size_t peer) {
  wire::Hello hello;
  hello.session = one_.truth.peers[peer].session;
  hello.peer = one_.truth.peers[peer].id;
  hello.target_session = one_.truth.peers[0].session;
  hello.target_peer = one_.truth.peers[0].id;
  hello.run = wire::hash_run_id("run");
  uint64_t& life = lives_.try_emplace(peer, 1).first->second;
  hello.life = life;
  if (!one_.choices.rarely()) return hello;
  if (one_.choices.coin()) {  // its end of the link was made again
    ends_.erase(peer);
    hello.life = ++life;
    return hello;
  }
  hello.life = hello.bound_to = one_.choices.number();
  hello.session = one_.words.session();
  hello.peer = one_.words.peer();
  hello.connection_index = static_cast<uint8_t>(
      one_.choices.below(limits::kConnectionsPerLink));
  return hello;
}

void PlayedPeers::accept(bool right) {
  const size_t peer = right ? next_peer_ : 1 + one_.choices.below(OneEngine::kPeers - 1);
  next_peer_ = 1 + next_peer_ % (OneEngine::kPeers - 1);
  const wire::Hello hello = hello_of(peer);
  const engine::LinkTable::Answer answer = one_.engine.on_hello(one_.now, hello);
  if (!answer.keep) return;
  const link::ConnectionKey key = ++last_key_;
  connections_[key].peer = peer;
  one_.engine.on_accepted(one_.now, key, hello, answer.hello);
}

void PlayedPeers::accept_of(size_t peer) {
  next_peer_ = peer;
  accept(true);
}

void PlayedPeers::dialled(const engine::output::Dial& dial) {
  constexpr size_t kDialsMax = 1000;
  FUZZ_CHECK(dials_.size() < kDialsMax);
  dials_.push_back(dial);
}

void PlayedPeers::answer_dial() {
  if (dials_.empty()) return;
  const engine::output::Dial dial = dials_.front();
  dials_.pop_front();
  engine::DialResult result;
  result.reason = "no answer";
  result.answered = !one_.choices.rarely();
  result.refused = !result.answered;
  result.address = to_string(Endpoint{"10.0.0.1", 1});
  if (result.refused) result.refused_at = {result.address};
  size_t peer = 1;
  for (size_t i = 1; i < OneEngine::kPeers; ++i) {
    if (one_.truth.peers[i].session == dial.hello.target_session) peer = i;
  }
  result.answer = hello_of(peer);
  if (result.answer.bound_to == 0) result.answer.bound_to = dial.hello.life;
  result.rtt_us = one_.choices.number() >> 40;
  if (result.answered && dial.hello.role == wire::HelloRole::kLink) {
    result.key = ++last_key_;
    connections_[result.key].peer = peer;
  }
  one_.engine.on_dialed(one_.now, dial.dial, result);
}

void PlayedPeers::started(link::ConnectionKey key) {
  const auto found = connections_.find(key);
  if (found != connections_.end()) found->second.started = true;
}

void PlayedPeers::reset(link::ConnectionKey key) {
  connections_.erase(key);
  one_.engine.on_closed(one_.now, key, "connection reset");
}

std::optional<link::ConnectionKey> PlayedPeers::some_connection() {
  if (connections_.empty()) return std::nullopt;
  const size_t which = one_.choices.below(connections_.size());
  return std::next(connections_.begin(), static_cast<std::ptrdiff_t>(which))->first;
}

bool PlayedPeers::is_started(link::ConnectionKey key) const {
  const auto found = connections_.find(key);
  return found != connections_.end() && found->second.started;
}

// ---- frames

bool PlayedPeers::mirror_one(link::ConnectionKey key) {
  OtherEnd& end = ends_[connections_.at(key).peer];
  if (end.heard.empty()) return false;
  Frame frame = std::move(end.heard.front());
  end.heard.pop_front();
  if (one_.choices.rarely()) lies_.distort(frame);
  send(key, end, std::move(frame));
  return true;
}

void PlayedPeers::lie(link::ConnectionKey key) {
  send(key, ends_[connections_.at(key).peer], lies_.frame());
}

void PlayedPeers::send(link::ConnectionKey key, OtherEnd& end, Frame frame) {
  wire::FrameHeader& header = frame.header;
  const bool sequenced = header.kind != wire::FrameKind::kAck &&
                         header.kind != wire::FrameKind::kHeartbeat;
  header.link_sequence = sequenced ? end.next_sequence++ : 0;
  header.acknowledged = end.received;
  if (one_.choices.byte() >= 0xF8) header.link_sequence = one_.choices.number();
  if (one_.choices.byte() >= 0xF8) header.acknowledged = one_.choices.number();
  header.payload_bytes = static_cast<uint32_t>(frame.payload.size());
  header.payload_checksum = frame.payload.empty()
                                ? 0
                                : wire::payload_checksum(as_bytes(frame.payload));
  wire::FrameHeaderBytes bytes;
  wire::encode_frame_header(header, bytes);
  feed(key, std::string(as_text(bytes)) + frame.payload);
}

// As the simulator's world does.
void PlayedPeers::feed(link::ConnectionKey key, const std::string& bytes) {
  size_t moved = 0;
  while (moved < bytes.size()) {
    link::FrameStream* stream = one_.engine.stream(key);
    if (stream == nullptr) return;
    std::array<MutableByteSpan, 4> spans;
    const size_t used = stream->read_spans(spans);
    size_t now_read = 0;
    for (size_t i = 0; i < used && moved + now_read < bytes.size(); ++i) {
      const size_t part = std::min(spans[i].size(), bytes.size() - moved - now_read);
      std::copy_n(as_bytes(bytes).begin() + static_cast<std::ptrdiff_t>(moved + now_read), part,
                  spans[i].begin());
      now_read += part;
    }
    FUZZ_CHECK(now_read > 0);
    moved += now_read;
    one_.engine.set_now(one_.now);
    if (stream->on_read(one_.now, now_read)) continue;
    const std::string why = stream->broken_reason();
    connections_.erase(key);
    one_.engine.on_closed(one_.now, key, why);
    return;
  }
}

bool PlayedPeers::take_written() {
  bool wrote = false;
  for (auto& [key, connection] : connections_) {
    link::FrameStream* stream = one_.engine.stream(key);
    if (stream == nullptr || !connection.started) continue;
    std::array<ByteSpan, 16> spans;
    const size_t used = stream->write_spans(spans);
    size_t bytes = 0;
    for (size_t i = 0; i < used; ++i) {
      connection.sent += as_text(spans[i]);
      bytes += spans[i].size();
    }
    if (bytes == 0) continue;
    wrote = true;
    stream->on_written(bytes);
    ends_[connection.peer].take_apart(connection.sent);
  }
  return wrote;
}

}  // namespace atoll_core::fuzz
