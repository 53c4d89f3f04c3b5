#include "link/link.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "link/frame_stream.h"

namespace atoll_core::link {
namespace {

bool unsequenced(wire::FrameKind kind) {
  return kind == wire::FrameKind::kAck || kind == wire::FrameKind::kHeartbeat;
}

}  // namespace

Link::Link(LinkConfig config, LinkOwner& owner)
    : config_(std::move(config)), owner_(owner), eager_(config_.eager) {
  if (config_.host != nullptr) meter_.emplace(*config_.host, config_.stretch);
}

Link::~Link() = default;

FrameStream& Link::add_connection(ConnectionKey key) {
  auto [at, inserted] = streams_.emplace(key, std::make_unique<FrameStream>(*this, key));
  ATOLL_ASSERT(inserted, "connection {} of the link to {}", key, config_.peer_name);
  if (!at_rest()) owner_.wake(*this, key);
  return *at->second;
}

void Link::remove_connection(ConnectionKey key) {
  if (streams_.erase(key) == 0) return;
  send_window_.lose(key);
  // What the lost connection had acknowledged may not have arrived: say it again.
  ack_now_ = receive_window_.below() > 1;
  wake_all();
}

bool Link::at_rest() const {
  if (queue_.ready() || send_window_.has_lost() || ack_now_ || has_own_frame()) return false;
  return std::all_of(streams_.begin(), streams_.end(),
                     [](const auto& entry) { return entry.second->at_rest(); });
}

FrameStream* Link::stream(ConnectionKey key) {
  const auto found = streams_.find(key);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Link::send_chunk(OutFrame frame) {
  queue_.push_chunk(std::move(frame));
  wake_all();
}

void Link::send_free(OutFrame frame) {
  queue_.push_free(std::move(frame));
  wake_all();
}

void Link::grant(const AttemptId& attempt, uint64_t total) {
  queue_.grant(attempt, total);
  if (queue_.ready()) wake_all();
}

void Link::set_eager_window(uint64_t bytes) {
  eager_.set_window(bytes);
  if (has_own_frame()) wake_all();
}

// The first that comes raises the credit above the least, kept or not.
void Link::eager_arrived(uint64_t cost) {
  eager_.arrive(cost);
  if (has_own_frame()) wake_all();
}

void Link::let_go(const wire::FrameHeader& header) {
  if (!header.eager) return;
  eager_.take(eager_cost(header));
  if (has_own_frame()) wake_all();
}

std::optional<OutFrame> Link::own_frame() {
  if (!has_own_frame()) return std::nullopt;
  OutFrame frame;
  if (given_back_ > 0) {
    frame.header.kind = wire::FrameKind::kSkip;
    frame.header.eager = true;
    frame.header.detail = std::exchange(given_back_, 0);
  } else {
    const EagerGrant grant = eager_.tell();
    frame.header.kind = wire::FrameKind::kCredit;
    frame.header.detail = grant.total;
    frame.header.element_offset = grant.window;
  }
  return frame;
}

void Link::hear_credit(const wire::FrameHeader& header) {
  given_back_ += queue_.grant_eager({header.detail, header.element_offset});
  if (queue_.ready() || has_own_frame()) wake_all();
}

void Link::revoke(const AttemptId& attempt) {
  queue_.revoke(attempt);
  for (auto& [key, stream] : streams_) stream->revoke(attempt);
  send_window_.revoke(attempt);
}

void Link::tick(TimePoint now) {
  if (ack_deadline_ > now) return;
  ack_deadline_ = kNever;
  ack_now_ = arrivals_unacknowledged_ > 0;
  if (ack_now_) wake_all();
}

std::vector<SilentConnection> Link::pulse(TimePoint now, Duration slept, Duration limit) {
  std::vector<SilentConnection> silent;
  for (auto& [key, stream] : streams_) {
    if (auto reason = stream->pulse(now, slept, limit)) silent.push_back({key, *reason});
    else owner_.wake(*this, key);
  }
  counters_.connections_given_up += silent.size();
  return silent;
}

const OutFrame* Link::next_frame(ConnectionKey connection) {
  if (const OutFrame* lost = send_window_.take_lost(connection)) {
    ++counters_.frames_resent;
    return lost;
  }
  std::optional<OutFrame> frame = own_frame();
  if (!frame) frame = queue_.pop();
  if (!frame) {
    if (meter_) meter_->ran_dry();
    return nullptr;
  }
  counters_.payload_sent += frame->header.payload_bytes;
  return &send_window_.take(std::move(*frame), connection);
}

wire::FrameHeader Link::stamp(wire::FrameHeader header) {
  header.acknowledged = receive_window_.below();
  arrivals_unacknowledged_ = 0;
  ack_now_ = false;
  ack_deadline_ = kNever;
  return header;
}

Result<Placement> Link::header_arrived(TimePoint now, const wire::FrameHeader& header) {
  const uint64_t before = send_window_.acknowledged_bytes();
  if (!send_window_.acknowledge(header.acknowledged)) {
    return fail(ErrorCode::kInternalError, "{} acknowledged frames that were never sent",
                config_.peer_name);
  }
  if (meter_) meter_->acknowledged(now, send_window_.acknowledged_bytes() - before);
  if (unsequenced(header.kind)) {
    if (header.payload_bytes == 0) return Placement{};
    return fail(ErrorCode::kInternalError, "{} sent a {} frame with a payload", config_.peer_name,
                wire::to_string(header.kind));
  }
  if (!receive_window_.plausible(header.link_sequence)) {
    return fail(ErrorCode::kInternalError, "{} sent frame {} while {} is due", config_.peer_name,
                header.link_sequence, receive_window_.below());
  }
  if (receive_window_.has(header.link_sequence)) return Placement{};
  if (auto within = check_eager(header); !within) return tl::make_unexpected(within.error());
  if (header.kind == wire::FrameKind::kSkip || header.kind == wire::FrameKind::kCredit) {
    if (header.payload_bytes == 0) return Placement{};
    return fail(ErrorCode::kInternalError, "{} sent a {} frame with a payload", config_.peer_name,
                wire::to_string(header.kind));
  }
  return owner_.place(*this, header);
}

// Of frames that came over several connections at once only the arrival tells which was too much.
Result<void> Link::check_eager(const wire::FrameHeader& header) const {
  if (!header.eager || eager_.admits(eager_cost(header))) return {};
  return fail(ErrorCode::kInternalError,
              "{} sent {} bytes ahead of their calls, more than its credit", config_.peer_name,
              eager_cost(header));
}

Result<void> Link::frame_arrived(TimePoint now, const wire::FrameHeader& header,
                                 const Payload& payload, ByteBuffer* kept) {
  last_heard_ = now;
  if (unsequenced(header.kind)) return {};
  if (receive_window_.has(header.link_sequence)) return {};
  if (auto within = check_eager(header); !within) return within;
  receive_window_.add(header.link_sequence);
  // Another copy may be half-way in on another connection: it must not touch its place any more,
  // which the owner may give away once the frame is delivered.
  for (auto& [key, stream] : streams_) stream->forget(header.link_sequence);
  counters_.payload_received += header.payload_bytes;
  note_arrival(now);
  if (header.eager) eager_arrived(eager_cost(header));
  if (kept == nullptr) let_go(header);
  const bool of_the_link = header.attempt == AttemptId{};
  if (header.kind == wire::FrameKind::kCredit && of_the_link) hear_credit(header);
  if (header.kind == wire::FrameKind::kSkip || of_the_link) return {};
  if (kept != nullptr) return owner_.deliver_kept(*this, header, std::move(*kept));
  return owner_.deliver(*this, header, payload);
}

void Link::note_arrival(TimePoint now) {
  if (++arrivals_unacknowledged_ >= config_.ack_frames) {
    if (!ack_now_) {
      ack_now_ = true;
      wake_all();
    }
  } else if (ack_deadline_ == kNever) {
    ack_deadline_ = now + config_.ack_delay;
  }
}

void Link::wake_all() {
  for (auto& [key, stream] : streams_) owner_.wake(*this, key);
}

}  // namespace atoll_core::link
