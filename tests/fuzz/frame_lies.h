// A frame as a lying peer sends it: fields of its header, or its payload, are not what they were.
// What only says how long a frame is, and that it came as it was sent, stays true: a liar that
// gets that wrong loses its connection, and nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/choices.h"
#include "wire/frame.h"

namespace atoll_core::fuzz {

struct Frame {
  wire::FrameHeader header;
  std::string payload;
};

struct FrameLie {
  uint8_t field = 0;
  uint8_t change = 0;
};

// One to three.
std::vector<FrameLie> some_frame_lies(Choices& choices);
void tell(const std::vector<FrameLie>& lies, Frame& frame);
std::string to_bytes(const Frame& frame);
// Takes a whole frame from the front of `bytes`; false: there is none. Finds fault with one that
// is not well-formed.
bool take_frame(std::string& bytes, Frame& frame);

}  // namespace atoll_core::fuzz
