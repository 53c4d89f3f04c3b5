// One connection of a link as a stream of bytes in each direction. Whoever moves the bytes asks
// for spans, moves any number of bytes, and says how many; it keeps no span for later.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "link/connection_watch.h"
#include "link/link.h"
#include "link/read_ahead.h"
#include "wire/frame.h"

namespace atoll_core::link {

class FrameStream {
 public:
  FrameStream(Link& link, ConnectionKey key)
      : link_(link), key_(key), ahead_(link.config_.buffers) {}

  ConnectionKey key() const { return key_; }

  size_t read_spans(std::span<MutableByteSpan> spans);
  // False: the stream is broken, see broken_reason(); the connection is to be closed.
  bool on_read(TimePoint now, size_t bytes);

  // A part of a frame was read, and not all of it.
  bool in_a_frame() const { return incoming_.header_filled > 0; }

  size_t write_spans(std::span<ByteSpan> spans);
  void on_written(size_t bytes);

  // Nothing that was begun is still to be written.
  bool at_rest() const { return outgoing_.empty() && !heartbeat_due_; }

  const std::string& broken_reason() const { return broken_reason_; }

  // See Link::revoke.
  void revoke(const AttemptId& attempt);
  // The frame with this sequence has arrived elsewhere: what is still to come of it is discarded.
  void forget(uint64_t link_sequence);

  // A heartbeat goes with the next bytes. Returns why the connection is to be given up, if it is;
  // see ConnectionWatch::check.
  std::optional<std::string> pulse(TimePoint now, Duration slept, Duration limit);

 private:
  // Taken from the link in one go, so that small frames share a system call. Of large ones one at a
  // time: what a connection has taken no faster one can carry, and the last to be done ends a call.
  static constexpr size_t kBatchBytes = 16u << 10;
  static constexpr size_t kBatchFrames = 8;

  struct Outgoing {
    wire::FrameHeaderBytes header;
    AttemptId attempt;
    std::vector<ByteSpan> payload;
    std::shared_ptr<const ByteBuffer> owned;
    size_t total = 0;
    size_t written = 0;
  };
  struct Incoming {
    wire::FrameHeaderBytes header_bytes;
    size_t header_filled = 0;
    wire::FrameHeader header;
    Placement placement;
    MutableByteSpan destination;
    size_t payload_filled = 0;
    ByteBuffer kept;
    std::shared_ptr<ByteBuffer> holder;  // of a payload that lies there by itself
    bool finishing = false;  // whole: the owner is being told
  };

  // In the middle of a payload.
  bool receiving() const {
    return incoming_.header_filled == wire::kFrameHeaderBytes && !incoming_.finishing;
  }

  void refill();
  void push_outgoing(const wire::FrameHeader& header, const OutFrame* frame);
  // `behind`: what has come behind the header. A payload that is whole there, and has no place of
  // its own, stays there.
  bool begin_payload(TimePoint now, MutableByteSpan behind);
  MutableByteSpan scratch(size_t size);
  bool finish_frame(TimePoint now);
  void discard_incoming();
  bool broken(std::string reason);

  Link& link_;
  ConnectionKey key_;
  std::deque<Outgoing> outgoing_;
  size_t outgoing_bytes_ = 0;
  bool heartbeat_due_ = false;
  ConnectionWatch watch_;
  Incoming incoming_;
  size_t offered_in_place_ = 0;  // by the last read_spans(), before what is read ahead
  ReadAhead ahead_;
  ByteBuffer scratch_;
  std::string broken_reason_;
};

}  // namespace atoll_core::link
