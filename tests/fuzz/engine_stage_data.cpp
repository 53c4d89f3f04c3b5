// The data connections between the engines of the stage.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "fuzz/engine_stage.h"
#include "fuzz/fuzz_check.h"

namespace atoll_core::fuzz {
namespace {

constexpr size_t kFramesKeptBytes = 1u << 20;  // payload of a frame that may be made up from

}  // namespace

// ---- dialling ----------------------------------------------------------------------------------

void EngineStage::answer(const Dial& dial) {
  Peer& dialler = peers_[dial.peer];
  if (dialler.engine == nullptr) return;
  engine::DialResult result;
  result.rtt_us = 100;
  result.address = to_string(dial.request.candidates.front());
  const size_t there = static_cast<size_t>(dial.request.candidates.front().port) - 1;
  const bool listens = there < kPeers && peers_[there].engine != nullptr;
  if (dialler.next_dial) {
    result = *std::exchange(dialler.next_dial, std::nullopt);
    if (result.answered) result.answer.session = dial.request.hello.target_session;
    result.answer.life = 1;
    result.answer.bound_to = dial.request.hello.life;
  } else if (!listens || finishing_) {
    result.refused = true;
    result.refused_at = {result.address};
    result.reason = "connection refused";
  } else {
    const engine::LinkTable::Answer answer =
        peers_[there].engine->on_hello(now_, dial.request.hello);
    result.answer = answer.hello;
    result.answered = answer.hello.session == dial.request.hello.target_session;
    result.refused = !result.answered;
    if (result.refused) result.refused_at = {result.address};
    if (answer.keep) {
      const uint64_t pipe = ++last_pipe_;
      result.key = dialler.next_key++;
      const link::ConnectionKey key = peers_[there].next_key++;
      pipes_[pipe] = {Side{dial.peer, result.key, false, {}}, Side{there, key, false, {}}};
      dialler.ends[result.key] = {pipe, 0};
      peers_[there].ends[key] = {pipe, 1};
      peers_[there].engine->on_accepted(now_, key, dial.request.hello, answer.hello);
      carry_out(there);
      if (pipes_.count(pipe) == 0) result.key = 0;
    }
  }
  dialler.engine->on_dialed(now_, dial.request.dial, result);
  carry_out(dial.peer);
}

void EngineStage::next_dial(size_t peer, const engine::DialResult& result) {
  peers_[peer].next_dial = result;
}

// Nothing comes over its connection, if it gets one.
void EngineStage::stranger(size_t i, const wire::Hello& hello) {
  Peer& peer = peers_[i];
  if (peer.engine == nullptr) return;
  const engine::LinkTable::Answer answer = peer.engine->on_hello(now_, hello);
  if (!answer.keep) return carry_out(i);
  const uint64_t pipe = ++last_pipe_;
  const link::ConnectionKey key = peer.next_key++;
  pipes_[pipe] = {Side{kPeers, 0, false, {}}, Side{i, key, false, {}}};
  peer.ends[key] = {pipe, 1};
  peer.engine->on_accepted(now_, key, hello, answer.hello);
  carry_out(i);
}

// ---- closing -----------------------------------------------------------------------------------

void EngineStage::close(size_t peer, link::ConnectionKey key, const std::string& reason) {
  const auto end = peers_[peer].ends.find(key);
  if (end == peers_[peer].ends.end()) return;
  const auto [pipe, side] = end->second;
  const Side other = pipes_.at(pipe)[1 - side];
  peers_[peer].ends.erase(end);
  pipes_.erase(pipe);
  if (other.peer == kPeers || peers_[other.peer].engine == nullptr) return;
  peers_[other.peer].ends.erase(other.key);
  peers_[other.peer].engine->on_closed(now_, other.key, "closed by the peer: " + reason);
  carry_out(other.peer);
}

// Both ends are told.
void EngineStage::break_off(uint64_t pipe, const std::string& reason) {
  const auto found = pipes_.find(pipe);
  if (found == pipes_.end()) return;
  const Pipe sides = found->second;
  pipes_.erase(found);
  for (const Side& side : sides) {
    if (side.peer == kPeers) continue;
    peers_[side.peer].ends.erase(side.key);
  }
  for (const Side& side : sides) {
    if (side.peer == kPeers || peers_[side.peer].engine == nullptr) continue;
    peers_[side.peer].engine->on_closed(now_, side.key, reason);
    carry_out(side.peer);
  }
}

void EngineStage::cut(size_t which) {
  if (pipes_.empty()) return;
  auto chosen = pipes_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(which % pipes_.size()));
  break_off(chosen->first, "connection reset");
}

// ---- frames ------------------------------------------------------------------------------------

bool EngineStage::move_frames() {
  std::vector<uint64_t> pipes;
  for (const auto& [pipe, sides] : pipes_) pipes.push_back(pipe);
  bool moved = false;
  for (const uint64_t pipe : pipes) {
    for (const size_t side : {size_t{0}, size_t{1}}) moved = move_from(pipe, side) || moved;
  }
  return moved;
}

bool EngineStage::move_from(uint64_t pipe, size_t side) {
  const auto found = pipes_.find(pipe);
  if (found == pipes_.end()) return false;
  Side& from = found->second[side];
  const Side& to = found->second[1 - side];
  if (!from.started || !to.started) return false;
  link::FrameStream* stream = peers_[from.peer].engine->stream(from.key);
  if (stream == nullptr) return false;
  std::array<ByteSpan, 16> spans;
  const size_t used = stream->write_spans(spans);
  size_t bytes = 0;
  for (size_t i = 0; i < used; ++i) {
    from.written += as_text(spans[i]);
    bytes += spans[i].size();
  }
  if (bytes == 0) return false;
  stream->on_written(bytes);
  std::string altered_bytes;
  for (Frame frame; take_frame(from.written, frame);) {
    altered_bytes += altered(from.peer, to.peer, std::move(frame));
  }
  deliver(pipe, 1 - side, altered_bytes);
  return true;
}

std::string EngineStage::altered(size_t from, size_t to, Frame frame) {
  const bool sequenced = frame.header.link_sequence != 0;
  Way& way = ways_[{from, to}];
  const uint64_t invented = ways_[{to, from}].added;
  // Neither end notices that there are frames which the other has not sent.
  if (sequenced) {
    frame.header.link_sequence += way.added;
    way.sequence = std::max(way.sequence, frame.header.link_sequence);
  }
  frame.header.acknowledged -= std::min(frame.header.acknowledged, invented);
  if (frame.header.kind == wire::FrameKind::kHeartbeat) {
    frame.header.detail = 0;  // so much has arrived at least
    return to_bytes(frame);
  }
  if (frame.payload.size() <= kFramesKeptBytes && sequenced) way.last = frame;
  const std::vector<FrameLie> lies = std::exchange(way.lies, {});
  tell(lies, frame);
  return to_bytes(frame);
}

void EngineStage::lie_across(size_t from, size_t to, std::vector<FrameLie> lies) {
  ways_[{from, to}].lies = std::move(lies);
}

void EngineStage::make_up(size_t from, size_t to, const std::vector<FrameLie>& lies) {
  for (const auto& [pipe, sides] : pipes_) {
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const bool meant = sides[side].peer == from && sides[1 - side].peer == to &&
                         sides[side].started && sides[1 - side].started &&
                         sides[side].written.empty();
      if (!meant) continue;
      Way& way = ways_[{from, to}];
      Frame frame = way.last;
      ++way.added;
      frame.header.link_sequence = ++way.sequence;
      frame.header.acknowledged = 0;
      tell(lies, frame);
      return deliver(pipe, 1 - side, to_bytes(frame));
    }
  }
}

void EngineStage::deliver(uint64_t pipe, size_t side, const std::string& bytes) {
  size_t moved = 0;
  while (moved < bytes.size()) {
    const auto found = pipes_.find(pipe);
    if (found == pipes_.end()) return;
    const Side to = found->second[side];
    link::FrameStream* stream = peers_[to.peer].engine->stream(to.key);
    if (stream == nullptr) return;
    std::array<MutableByteSpan, 4> spans;
    const size_t used = stream->read_spans(spans);
    size_t read = 0;
    for (size_t i = 0; i < used && moved < bytes.size(); ++i) {
      const size_t part = std::min(spans[i].size(), bytes.size() - moved);
      std::memcpy(spans[i].data(), bytes.data() + moved, part);
      moved += part;
      read += part;
    }
    peers_[to.peer].engine->set_now(now_);
    const bool whole = stream->on_read(now_, read);
    const std::string broken = whole ? "" : stream->broken_reason();
    carry_out(to.peer);
    if (!whole) return break_off(pipe, broken);
  }
}

}  // namespace atoll_core::fuzz
