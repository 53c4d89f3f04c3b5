// What a data connection is for whoever runs it: bytes in and out of spans that the driver gives.
// The transport asks for spans, moves bytes, and reports how many; it never looks into them and
// holds no span beyond the call in which it asked for it (sockets are non-blocking, and spans are
// asked for only when the socket is ready). So a driver may change what its next spans are at any
// time between two calls.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/bytes.h"

namespace atoll_core::transport {

inline constexpr size_t kSpansMax = 16;

class StreamDriver {
 public:
  virtual ~StreamDriver() = default;

  // Fills up to spans.size() spans with the places for the next bytes; returns how many.
  // 0: nothing may be read now (call ConnectionControl::resume_reading later).
  virtual size_t read_spans(std::span<MutableByteSpan> spans) = 0;
  // `bytes` have been placed, in the order of the spans. False: the stream is broken (garbage);
  // the transport closes the connection and calls on_closed with broken_reason().
  virtual bool on_read(size_t bytes) = 0;
  // What was read last has ended in the middle of something: the rest is under way.
  virtual bool expects_more() const = 0;

  // Fills up to spans.size() spans with the next bytes to send; returns how many.
  // 0: nothing to send (call Connection::wake_writer later).
  virtual size_t write_spans(std::span<ByteSpan> spans) = 0;
  virtual void on_written(size_t bytes) = 0;

  // Once, and nothing after it.
  virtual void on_closed(const std::string& reason) = 0;
  virtual std::string broken_reason() const = 0;
};

}  // namespace atoll_core::transport
