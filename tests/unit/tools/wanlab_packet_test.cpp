#include "tools/atoll/wanlab/packet.h"

#include <gtest/gtest.h>

#include <random>

#include "tools/atoll/wanlab/settings.h"
#include "unit/tools/wanlab_frames.h"

namespace atoll_cli {
namespace {

using atoll_test::Bytes;
using atoll_test::get16;
using atoll_test::get32;
using atoll_test::kVirtio;
using atoll_test::tcp_frame;

Bytes cut(const Bytes& frame, uint32_t begin, uint32_t end) {
  const Frame piece = cut_frame(frame, begin, end);
  return {piece.data.get(), piece.data.get() + piece.size};
}

VirtioHeader virtio_of(const Bytes& frame) {
  VirtioHeader header{};
  std::memcpy(&header, frame.data(), kVirtio);
  return header;
}

// What the TCP checksum field must hold when the kernel is to complete it: the sum over the pseudo
// header, made of its definition.
uint32_t pseudo_header_sum(const Bytes& frame, bool v6) {
  const size_t ip = v6 ? 40 : 20;
  Bytes pseudo(frame.begin() + static_cast<ptrdiff_t>(kVirtio + (v6 ? 8 : 12)),
               frame.begin() + static_cast<ptrdiff_t>(kVirtio + (v6 ? 40 : 20)));
  const auto length = static_cast<uint32_t>(frame.size() - kVirtio - ip);
  for (const uint32_t byte : {0u, 0u, length >> 8, length & 255, 0u, 0u, 0u, 6u}) {
    pseudo.push_back(static_cast<uint8_t>(byte));
  }
  return atoll_test::checksum_sum(pseudo.data(), pseudo.size());
}

class WanlabPacket : public testing::TestWithParam<bool> {
 protected:
  bool v6() const { return GetParam(); }
  size_t ip() const { return v6() ? 40 : 20; }
  size_t tcp_at() const { return kVirtio + ip(); }
  Bytes payload(const Bytes& frame) const {
    return {frame.begin() + static_cast<ptrdiff_t>(tcp_at() + 32), frame.end()};
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, WanlabPacket, testing::Bool());

TEST_P(WanlabPacket, KnowsWhatAFrameStandsFor) {
  const auto parsed = parse_frame(tcp_frame(v6(), 1, 3, 2500, 1000));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->destination, 3u);
  EXPECT_EQ(parsed->burst.packets, 3u);
  const auto headers = static_cast<uint32_t>(ip() + 32);
  EXPECT_EQ(parsed->burst.packet_bytes, headers + 1000);
  EXPECT_EQ(parsed->burst.last_bytes, headers + 500);
  EXPECT_EQ(parsed->burst.bytes(), 3 * headers + 2500);

  const auto plain = parse_frame(tcp_frame(v6(), 1, 254, 700, 0));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->destination, kCoordinatorNode);
  EXPECT_EQ(plain->burst.packets, 1u);
  EXPECT_EQ(plain->burst.bytes(), headers + 700);
}

TEST_P(WanlabPacket, FullLastPacket) {
  const auto parsed = parse_frame(tcp_frame(v6(), 1, 2, 3000, 1000));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->burst.packets, 3u);
  EXPECT_EQ(parsed->burst.last_bytes, parsed->burst.packet_bytes);
}

TEST_P(WanlabPacket, CutsHaveTheHeadersThatTheKernelWouldGiveThem) {
  const Bytes whole = tcp_frame(v6(), 1, 2, 4321, 1000);
  const Bytes all = payload(whole);
  const uint32_t sequence = get32(whole, tcp_at() + 4);
  for (uint32_t begin = 0; begin < 5; ++begin) {
    for (uint32_t end = begin + 1; end <= 5; ++end) {
      const Bytes piece = cut(whole, begin, end);
      const size_t from = begin * 1000, to = std::min<size_t>(end * 1000, all.size());
      EXPECT_EQ(payload(piece), Bytes(all.begin() + static_cast<ptrdiff_t>(from),
                                      all.begin() + static_cast<ptrdiff_t>(to)));
      EXPECT_EQ(get32(piece, tcp_at() + 4), static_cast<uint32_t>(sequence + from));
      uint8_t flags = 0x10;
      if (begin == 0) flags |= 0x80;
      if (end == 5) flags |= 0x08 | 0x01;
      EXPECT_EQ(piece[tcp_at() + 13], flags) << begin << " to " << end;
      EXPECT_EQ(get16(piece, tcp_at() + 16), pseudo_header_sum(piece, v6()));
      if (v6()) {
        EXPECT_EQ(get16(piece, kVirtio + 4), piece.size() - kVirtio - 40);
      } else {
        EXPECT_EQ(get16(piece, kVirtio + 2), piece.size() - kVirtio);
        EXPECT_EQ(get16(piece, kVirtio + 4), (0xfffe + begin) & 0xffff);
        EXPECT_EQ(atoll_test::checksum_sum(piece.data() + kVirtio, 20), 0xffffu);
      }
      const VirtioHeader virtio = virtio_of(piece);
      EXPECT_EQ(virtio.flags, kVirtioNeedsChecksum);
      EXPECT_EQ(virtio.gso_type == kVirtioPlain, to - from <= 1000);
      const auto parsed = parse_frame(piece);
      ASSERT_TRUE(parsed);
      EXPECT_EQ(parsed->burst.packets, end - begin);
    }
  }
}

TEST_P(WanlabPacket, ACutOfACutIsACut) {
  const Bytes whole = tcp_frame(v6(), 1, 2, 9500, 1000);
  EXPECT_EQ(cut(cut(whole, 2, 9), 3, 5), cut(whole, 5, 7));
  EXPECT_EQ(cut(cut(whole, 4, 10), 5, 6), cut(whole, 9, 10));
}

TEST_P(WanlabPacket, IgnoresWhatIsForNobody) {
  Bytes frame = tcp_frame(v6(), 1, 0, 10, 0);
  EXPECT_FALSE(parse_frame(frame));
  frame = tcp_frame(v6(), 1, 2, 10, 0);
  frame[kVirtio + (v6() ? 24 : 16)] = 0xe0;  // another network: multicast in IPv4
  EXPECT_FALSE(parse_frame(frame));
  frame = tcp_frame(v6(), 1, 2, 10, 0);
  frame[kVirtio] = 0x10;
  EXPECT_FALSE(parse_frame(frame));
}

TEST_P(WanlabPacket, SurvivesAnything) {
  std::mt19937 random(7);
  const Bytes good = tcp_frame(v6(), 1, 2, 3000, 1000);
  for (int i = 0; i < 20'000; ++i) {
    Bytes frame(good.begin(), good.begin() + static_cast<ptrdiff_t>(random() % 120));
    for (int change = 0; change < 3 && !frame.empty(); ++change) {
      frame[random() % std::min<size_t>(frame.size(), 90)] = static_cast<uint8_t>(random());
    }
    const auto parsed = parse_frame(frame);
    if (!parsed || parsed->burst.packets < 2) continue;
    const Bytes piece = cut(frame, 1, parsed->burst.packets);
    EXPECT_LE(piece.size(), frame.size());
  }
}

TEST(WanlabBurst, SlicesAddUp) {
  const Burst burst{5, 1500, 300};
  EXPECT_EQ(burst.bytes(), 6300u);
  EXPECT_EQ(burst.slice(0, 2).bytes() + burst.slice(2, 5).bytes(), burst.bytes());
  EXPECT_EQ(burst.slice(0, 2).last_bytes, 1500u);
  EXPECT_EQ(burst.slice(4, 5).bytes(), 300u);
  EXPECT_EQ(burst.bytes_of_first(0), 0u);
}

}  // namespace
}  // namespace atoll_cli
