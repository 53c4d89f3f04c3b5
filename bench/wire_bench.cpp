// What the data plane pays per chunk beside its bytes: encoding and checking a frame header, and
// the checksum of a payload, in one piece and in pieces as they come from a socket.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/bytes.h"
#include "wire/frame.h"
#include "wire/payload_checksum.h"

namespace atoll_core::wire {
namespace {

constexpr int64_t kSmallChunk = 4 << 10;
constexpr int64_t kChunk = 256 << 10;
constexpr int64_t kBeyondCache = 64 << 20;
constexpr uint64_t kReceived = 64 << 10;  // what one read of a socket may bring

FrameHeader some_header() {
  FrameHeader header;
  header.payload_bytes = static_cast<uint32_t>(kChunk);
  header.link_sequence = 77;
  header.acknowledged = 76;
  header.segment = 3;
  header.step = 1;
  header.element_count = static_cast<uint32_t>(kChunk / 4);
  header.element_offset = 1 << 20;
  header.fingerprint = 0x0123456789abcdef;
  header.payload_checksum = 0xfedcba9876543210;
  return header;
}

ByteBuffer some_bytes(int64_t count) {
  ByteBuffer bytes(static_cast<size_t>(count));
  uint32_t x = 1;
  for (std::byte& one : bytes) one = static_cast<std::byte>((x = x * 1664525 + 1013904223) >> 24);
  return bytes;
}

void encode(benchmark::State& state) {
  FrameHeader header = some_header();
  FrameHeaderBytes bytes{};
  for (auto _ : state) {
    ++header.link_sequence;
    encode_frame_header(header, bytes);
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(encode)->Name("frame/encode");

void decode(benchmark::State& state) {
  FrameHeaderBytes bytes{};
  encode_frame_header(some_header(), bytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes);
    auto header = decode_frame_header(bytes);
    if (!header) state.SkipWithError(header.error().message.c_str());
    benchmark::DoNotOptimize(header);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode)->Name("frame/decode");

void checksum(benchmark::State& state) {
  const ByteBuffer bytes = some_bytes(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(payload_checksum(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Name("checksum/whole")->Arg(kSmallChunk)->Arg(kChunk)->Arg(kBeyondCache);

void checksum_of_parts(benchmark::State& state) {
  const ByteBuffer bytes = some_bytes(state.range(0));
  std::vector<ByteSpan> parts;
  for (uint64_t at = 0; at < bytes.size(); at += kReceived) {
    parts.push_back(ByteSpan(bytes).subspan(at, std::min(kReceived, bytes.size() - at)));
  }
  if (payload_checksum_of(parts) != payload_checksum(bytes)) {
    state.SkipWithError("the checksum depends on the parts");
  }
  for (auto _ : state) benchmark::DoNotOptimize(payload_checksum_of(parts));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum_of_parts)->Name("checksum/parts")->Arg(kChunk)->Arg(kBeyondCache);

}  // namespace
}  // namespace atoll_core::wire

BENCHMARK_MAIN();
