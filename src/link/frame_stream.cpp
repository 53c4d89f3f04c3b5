#include "link/frame_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/payload_checksum.h"

namespace atoll_core::link {

// ---- reading -----------------------------------------------------------------------------------

size_t FrameStream::read_spans(std::span<MutableByteSpan> spans) {
  size_t used = 0;
  size_t header_from = incoming_.header_filled;
  const bool in_payload = header_from == wire::kFrameHeaderBytes;
  if (in_payload) {
    spans[used++] = incoming_.destination.subspan(incoming_.payload_filled);
    // The next header comes along in the same system call. Its place is free: the current header
    // was decoded already.
    header_from = 0;
  }
  if (used < spans.size()) {
    spans[used++] = MutableByteSpan(incoming_.header_bytes).subspan(header_from);
  }
  offered_in_place_ = 0;
  for (size_t i = 0; i < used; ++i) offered_in_place_ += spans[i].size();
  if (!in_payload && used < spans.size()) spans[used++] = ahead_.space();
  return used;
}

bool FrameStream::on_read(TimePoint now, size_t bytes) {
  watch_.read(now, bytes);
  size_t in_place = std::min(bytes, offered_in_place_);
  MutableByteSpan ahead = ahead_.taken(bytes - in_place);
  while (in_place > 0 || !ahead.empty()) {
    const bool in_header = incoming_.header_filled < wire::kFrameHeaderBytes;
    size_t& filled = in_header ? incoming_.header_filled : incoming_.payload_filled;
    const MutableByteSpan place = in_header ? MutableByteSpan(incoming_.header_bytes)
                                            : incoming_.destination;
    const size_t part = std::min(in_place > 0 ? in_place : ahead.size(), place.size() - filled);
    if (in_place > 0) {
      in_place -= part;
    } else {
      std::memcpy(place.data() + filled, ahead.data(), part);
      ahead = ahead.subspan(part);
    }
    filled += part;
    if (filled < place.size()) continue;
    if (in_header) {
      if (!begin_payload(now, ahead)) return false;
      ahead = ahead.subspan(incoming_.payload_filled);
    }
    if (incoming_.payload_filled == incoming_.destination.size() && !finish_frame(now)) {
      return false;
    }
  }
  return true;
}

bool FrameStream::begin_payload(TimePoint now, MutableByteSpan behind) {
  Result<wire::FrameHeader> header = wire::decode_frame_header(incoming_.header_bytes);
  if (!header) return broken(header.error().message);
  Result<Placement> placement = link_.header_arrived(now, *header);
  if (!placement) return broken(placement.error().message);
  incoming_.header = *header;
  incoming_.placement = *placement;
  incoming_.payload_filled = 0;
  const size_t size = header->payload_bytes;
  switch (placement->kind) {
    case Placement::Kind::kDirect:
      incoming_.destination = placement->destination;
      if (incoming_.destination.size() != size) {
        return broken("a place of the wrong size was given");
      }
      break;
    case Placement::Kind::kKeep:
      incoming_.kept.resize(size);
      incoming_.destination = incoming_.kept;
      break;
    case Placement::Kind::kScratch:
    case Placement::Kind::kDiscard:
      if (behind.size() >= size && ahead_.lies_well(behind)) {
        incoming_.destination = behind.first(size);
        incoming_.payload_filled = size;
        incoming_.holder = ahead_.holder_of(behind, size);
      } else {
        incoming_.destination = scratch(size);
      }
      break;
  }
  ahead_.frame_came(size, placement->kind == Placement::Kind::kScratch);
  return true;
}

MutableByteSpan FrameStream::scratch(size_t size) {
  if (scratch_.size() < size) scratch_.resize(size);
  return MutableByteSpan(scratch_).first(size);
}

bool FrameStream::finish_frame(TimePoint now) {
  const wire::FrameHeader& header = incoming_.header;
  const ByteSpan payload = incoming_.destination;
  // What nobody takes may be a copy of a frame whose place was given away while it was sent again.
  const bool wanted = incoming_.placement.kind != Placement::Kind::kDiscard;
  if (wanted && header.payload_checksum != 0 && header.payload_bytes > 0) {
    if (wire::payload_checksum_of({&payload, 1}) != header.payload_checksum) {
      return broken("the checksum of a chunk from " + link_.peer_name() + " does not match");
    }
  }
  if (header.kind == wire::FrameKind::kHeartbeat && !watch_.confirm(now, header.detail)) {
    return broken(link_.peer_name() + " has received more than was sent");
  }
  const bool kept = incoming_.placement.kind == Placement::Kind::kKeep;
  // A discarded frame has arrived as far as the link goes, but is nobody's.
  const bool discarded = incoming_.placement.kind == Placement::Kind::kDiscard &&
                         header.payload_bytes > 0;
  wire::FrameHeader arrived = header;
  if (discarded && header.kind != wire::FrameKind::kAck) arrived.kind = wire::FrameKind::kSkip;
  // While the owner works on it, the payload stays where it is, whatever is revoked meanwhile.
  ByteBuffer buffer = std::move(incoming_.kept);
  incoming_.kept = ByteBuffer();
  incoming_.finishing = true;
  Result<void> result =
      link_.frame_arrived(now, arrived, {payload, std::exchange(incoming_.holder, nullptr)},
                          kept ? &buffer : nullptr);
  ahead_.let_go();
  incoming_.finishing = false;
  incoming_.destination = {};
  incoming_.payload_filled = 0;
  incoming_.header_filled = 0;
  if (!result) return broken(result.error().message);
  return true;
}

bool FrameStream::broken(std::string reason) {
  broken_reason_ = std::move(reason);
  return false;
}

// ---- writing -----------------------------------------------------------------------------------

size_t FrameStream::write_spans(std::span<ByteSpan> spans) {
  refill();
  size_t used = 0;
  for (const Outgoing& frame : outgoing_) {
    size_t skip = frame.written;
    const auto add = [&](ByteSpan part) {
      if (skip >= part.size()) {
        skip -= part.size();
        return;
      }
      if (used < spans.size()) spans[used++] = part.subspan(skip);
      skip = 0;
    };
    add(frame.header);
    for (const ByteSpan part : frame.payload) add(part);
    if (used == spans.size()) break;
  }
  return used;
}

void FrameStream::on_written(size_t bytes) {
  watch_.wrote(bytes);
  outgoing_bytes_ -= bytes;
  while (bytes > 0) {
    Outgoing& frame = outgoing_.front();
    const size_t part = std::min(bytes, frame.total - frame.written);
    frame.written += part;
    bytes -= part;
    if (frame.written == frame.total) outgoing_.pop_front();
  }
}

void FrameStream::refill() {
  if (std::exchange(heartbeat_due_, false)) {
    wire::FrameHeader header;
    header.kind = wire::FrameKind::kHeartbeat;
    header.detail = watch_.received();
    push_outgoing(header, nullptr);
  }
  while (outgoing_bytes_ < kBatchBytes && outgoing_.size() < kBatchFrames) {
    const OutFrame* frame = link_.next_frame(key_);
    if (frame == nullptr) break;
    wire::FrameHeader header = frame->header;
    if (!link_.config_.checksums) {
      header.payload_checksum = 0;
    } else if (header.payload_bytes > 0 && header.payload_checksum == 0) {
      header.payload_checksum = wire::payload_checksum_of(frame->payload);
    }
    push_outgoing(header, frame);
  }
  if (outgoing_.empty() && link_.ack_due()) {
    wire::FrameHeader header;
    header.kind = wire::FrameKind::kAck;
    push_outgoing(header, nullptr);
  }
}

std::optional<std::string> FrameStream::pulse(TimePoint now, Duration slept, Duration limit) {
  heartbeat_due_ = true;
  return watch_.check(now, slept, limit);
}

void FrameStream::push_outgoing(const wire::FrameHeader& header, const OutFrame* frame) {
  Outgoing& out = outgoing_.emplace_back();
  wire::encode_frame_header(link_.stamp(header), out.header);
  out.attempt = header.attempt;
  if (frame != nullptr) {
    out.payload = frame->payload;
    out.owned = frame->owned;
  }
  out.total = wire::kFrameHeaderBytes + header.payload_bytes;
  outgoing_bytes_ += out.total;
}

// ---- revoking ----------------------------------------------------------------------------------

void FrameStream::revoke(const AttemptId& attempt) {
  for (Outgoing& out : outgoing_) {
    if (out.attempt != attempt || out.payload.empty() || out.owned != nullptr) continue;
    // The receiver is in the middle of this frame and needs its length, so what is left of it is
    // copied aside (at most a few chunks).
    auto copy = std::make_shared<ByteBuffer>();
    copy->reserve(out.total - wire::kFrameHeaderBytes);
    for (const ByteSpan part : out.payload) copy->insert(copy->end(), part.begin(), part.end());
    out.payload = {ByteSpan(*copy)};
    out.owned = std::move(copy);
  }
  if (receiving() && goes_with(incoming_.header, attempt)) discard_incoming();
}

void FrameStream::forget(uint64_t link_sequence) {
  if (receiving() && incoming_.header.link_sequence == link_sequence) discard_incoming();
}

void FrameStream::discard_incoming() {
  if (incoming_.placement.kind == Placement::Kind::kDiscard) return;
  const size_t size = incoming_.destination.size();
  incoming_.placement.kind = Placement::Kind::kDiscard;
  incoming_.kept = ByteBuffer();
  incoming_.destination = scratch(size);
  // Its beginning lies elsewhere; the checksum can no longer be verified and does not matter.
  incoming_.header.payload_checksum = 0;
}

}  // namespace atoll_core::link
