// A stream fed at once and the same stream fed in pieces give the same messages and the same end.
// The first byte says whether a preamble is expected and how large the pieces are.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/limits.h"
#include "fuzz/fuzz_check.h"
#include "wire/control_framing.h"

namespace {

using namespace atoll_core;

struct Outcome {
  std::vector<std::string> messages;
  Result<void> state;
};

Outcome feed(ByteSpan stream, bool preamble, size_t piece) {
  wire::ControlFramer framer(preamble);
  Outcome outcome;
  while (!stream.empty() && outcome.state) {
    const size_t size = std::min(piece, stream.size());
    outcome.state = framer.feed(stream.first(size), outcome.messages);
    stream = stream.subspan(size);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool preamble = (data[0] & 1) != 0;
  const size_t piece = 1 + (data[0] >> 1);
  const ByteSpan stream = std::as_bytes(std::span(data + 1, size - 1));
  const Outcome whole = feed(stream, preamble, size);
  const Outcome pieces = feed(stream, preamble, piece);
  FUZZ_CHECK(whole.messages == pieces.messages);
  FUZZ_CHECK(whole.state.has_value() == pieces.state.has_value());
  size_t carried = 0;
  for (const std::string& message : whole.messages) {
    FUZZ_CHECK(!message.empty() && message.size() <= limits::kControlMessageBytes);
    carried += message.size() + 4;
  }
  FUZZ_CHECK(carried <= stream.size());
  return 0;
}
