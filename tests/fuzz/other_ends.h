// The other ends of an engine's links, and frames that they should not send.
#pragma once

#include <algorithm>
#include <deque>
#include <string>

#include "fuzz/choices.h"
#include "fuzz/fuzz_check.h"
#include "fuzz/vocabulary.h"
#include "wire/frame.h"

namespace atoll_core::fuzz {

struct Frame {
  wire::FrameHeader header;
  std::string payload;
};

// The other end of a data connection.
struct Connection {
  size_t peer = 1;       // its place
  std::string sent;      // by the engine, not yet taken apart
  bool started = false;
};

// The other end of a link.
struct OtherEnd {
  static constexpr size_t kFramesKept = 64;

  uint64_t next_sequence = 1;
  uint64_t received = 1;    // all below
  std::deque<Frame> heard;  // to be mirrored

  void take_apart(std::string& sent) {
    while (sent.size() >= wire::kFrameHeaderBytes) {
      wire::FrameHeaderBytes bytes;
      std::copy_n(as_bytes(sent).begin(), bytes.size(), bytes.begin());
      const Result<wire::FrameHeader> header = wire::decode_frame_header(bytes);
      FUZZ_CHECK(header.has_value());
      const size_t whole = wire::kFrameHeaderBytes + header->payload_bytes;
      if (sent.size() < whole) return;
      received = std::max(received, header->link_sequence + 1);
      if (header->link_sequence != 0 && heard.size() < kFramesKept) {
        heard.push_back({*header, sent.substr(wire::kFrameHeaderBytes, header->payload_bytes)});
      }
      sent.erase(0, whole);
    }
  }
};

class FrameLies {
 public:
  FrameLies(Choices& choices, Vocabulary& words) : choices_(choices), words_(words) {}

  // One field is not what it should be.
  void distort(Frame& frame) {
    wire::FrameHeader& header = frame.header;
    switch (choices_.below(14)) {
      case 0: header.segment = static_cast<uint32_t>(choices_.number()); break;
      case 1: header.step = static_cast<uint32_t>(choices_.number()); break;
      case 2: header.element_count = static_cast<uint32_t>(choices_.number()); break;
      case 3: header.element_offset = choices_.number(); break;
      case 4: header.detail = choices_.number(); break;
      case 5: header.fingerprint = choices_.number(); break;
      case 6: header.attempt.epoch = words_.epoch(); break;
      case 7: header.attempt.op = words_.op(); break;
      case 8: header.weighted = !header.weighted; break;
      case 9: header.kind = kind(); break;
      case 10: frame.payload.resize(choices_.below(256)); break;
      case 11: frame.payload.append(choices_.below(32), static_cast<char>(choices_.byte()));
               break;
      case 12: header.attempt.op.sequence = choices_.number(); break;
      default: frame.payload.clear(); break;
    }
  }

  // Made up.
  Frame frame() {
    Frame frame;
    frame.header.kind = kind();
    frame.header.attempt = {words_.op(), words_.epoch()};
    if (choices_.rarely()) frame.header.attempt.op.generation = {};
    frame.header.element_count = static_cast<uint32_t>(choices_.number());
    frame.header.element_offset = choices_.number();
    frame.header.detail = choices_.number();
    frame.header.step = static_cast<uint32_t>(choices_.below(4));
    frame.payload.resize(choices_.below(3) * 16);
    return frame;
  }

 private:
  wire::FrameKind kind() { return static_cast<wire::FrameKind>(1 + choices_.below(11)); }

  Choices& choices_;
  Vocabulary& words_;
};

}  // namespace atoll_core::fuzz
