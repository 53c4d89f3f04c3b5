// Super-packets are put together as a network card would, and nothing else is.
#include "tools/atoll/wanlab/receive_offload.h"

#include <gtest/gtest.h>

#include <random>

#include "unit/tools/wanlab_frames.h"

namespace atoll_cli {
namespace {

using atoll_test::Bytes;
using atoll_test::get16;
using atoll_test::get32;
using atoll_test::kVirtio;
using atoll_test::put16;
using atoll_test::tcp_frame;

constexpr uint8_t kFin = 0x01, kPush = 0x08, kWindowReduced = 0x80;

struct Written {
  unsigned to;
  Bytes frame;
  bool operator==(const Written&) const = default;
};

class WanlabReceiveOffload : public testing::TestWithParam<bool> {
 protected:
  bool v6() const { return GetParam(); }
  size_t tcp_at() const { return kVirtio + (v6() ? 40 : 20); }

  // With time stamps as the only options, and checksums.
  Bytes whole(size_t payload) const {
    Bytes frame = tcp_frame(v6(), 1, 2, payload, 1000);
    const uint8_t time_stamps[] = {1, 1, 8, 10};
    std::copy(std::begin(time_stamps), std::end(time_stamps), frame.begin() + options_at());
    const Frame summed = cut_frame(frame, 0, static_cast<uint32_t>((payload + 999) / 1000));
    return {summed.data.get(), summed.data.get() + summed.size};
  }
  ptrdiff_t options_at() const { return static_cast<ptrdiff_t>(tcp_at() + 20); }

  void add(const Bytes& frame, unsigned to = 2) { offload_.add(to, Frame(std::span(frame))); }
  void add(const Bytes& whole, uint32_t begin, uint32_t end) {
    offload_.add(2, cut_frame(whole, begin, end));
  }
  std::vector<Written> flush() {
    std::vector<Written> written;
    offload_.flush([&](unsigned to, std::span<const iovec> pieces) {
      Bytes frame;
      for (const iovec& piece : pieces) {
        const auto* bytes = static_cast<const uint8_t*>(piece.iov_base);
        frame.insert(frame.end(), bytes, bytes + piece.iov_len);
      }
      written.push_back({to, frame});
    });
    return written;
  }
  // The piece of packets `begin` to `end`, changed by hand, behind the piece before it.
  template <class Change>
  bool joins(uint32_t begin, uint32_t end, const Change& change) {
    const Bytes all = whole(9500);
    add(all, 0, begin);
    const Frame piece = cut_frame(all, begin, end);
    Bytes changed(piece.data.get(), piece.data.get() + piece.size);
    change(changed);
    add(changed);
    return flush().size() == 1;
  }

 private:
  ReceiveOffload offload_;
};

INSTANTIATE_TEST_SUITE_P(Versions, WanlabReceiveOffload, testing::Bool());

TEST_P(WanlabReceiveOffload, PutsTogetherWhatWasCut) {
  for (const size_t payload : {9500u, 9000u, 1001u}) {
    const Bytes all = whole(payload);
    const uint32_t packets = static_cast<uint32_t>((payload + 999) / 1000);
    for (uint32_t step = 1; step < packets; ++step) {
      for (uint32_t begin = 0; begin < packets; begin += step) {
        add(all, begin, std::min(begin + step, packets));
      }
      const auto written = flush();
      ASSERT_EQ(written.size(), 1u) << payload << " by " << step;
      EXPECT_EQ(written[0], (Written{2, all})) << payload << " by " << step;
    }
  }
  EXPECT_TRUE(flush().empty());
}

TEST_P(WanlabReceiveOffload, KeepsTheOrderOfAConnection) {
  const Bytes all = whole(9500);
  add(all, 0, 2);
  add(all, 3, 5);  // a packet before it was lost
  add(all, 5, 7);
  add(all, 2, 3);  // sent again
  const auto written = flush();
  ASSERT_EQ(written.size(), 3u);
  const uint32_t first = get32(all, tcp_at() + 4);
  const uint32_t begins[] = {0, 3000, 2000}, payloads[] = {2000, 4000, 1000};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get32(written[i].frame, tcp_at() + 4), first + begins[i]);
    EXPECT_EQ(written[i].frame.size(), tcp_at() + 32 + payloads[i]);
  }
}

TEST_P(WanlabReceiveOffload, LeavesOtherConnectionsAlone) {
  const Bytes ours = whole(4000);
  Bytes theirs = ours;
  put16(theirs, tcp_at(), 4711);  // another port
  add(ours, 0, 2);
  add(theirs, 0, 2);
  add(ours, 2, 4);
  add(theirs, 2, 4);
  const auto written = flush();
  ASSERT_EQ(written.size(), 2u);
  EXPECT_EQ(written[0].frame, ours);
  EXPECT_EQ(get16(written[1].frame, tcp_at()), 4711u);
}

TEST_P(WanlabReceiveOffload, TakesTheLatestAcknowledgement) {
  const Bytes all = whole(4000);
  add(all, 0, 2);
  const Frame piece = cut_frame(all, 2, 4);
  Bytes later(piece.data.get(), piece.data.get() + piece.size);
  put16(later, tcp_at() + 10, 1234);  // acknowledged
  put16(later, tcp_at() + 14, 99);    // window
  later[tcp_at() + 27] = 7;           // its time stamp
  add(later);
  const auto written = flush();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(get16(written[0].frame, tcp_at() + 10), 1234u);
  EXPECT_EQ(get16(written[0].frame, tcp_at() + 14), 99u);
  EXPECT_EQ(written[0].frame[tcp_at() + 27], 7);
  EXPECT_EQ(get32(written[0].frame, tcp_at() + 4), get32(all, tcp_at() + 4));
}

TEST_P(WanlabReceiveOffload, JoinsOnlyWhatGoesOn) {
  const auto as_it_is = [](Bytes&) {};
  EXPECT_TRUE(joins(3, 6, as_it_is));
  EXPECT_TRUE(joins(3, 10, as_it_is));  // with the last packet, which is shorter
  const auto with = [this](uint8_t flag) {
    return [this, flag](Bytes& frame) { frame[tcp_at() + 13] |= flag; };
  };
  EXPECT_TRUE(joins(3, 6, with(kPush)));
  EXPECT_TRUE(joins(3, 6, with(kFin)));
  EXPECT_FALSE(joins(3, 6, with(kWindowReduced)));
  EXPECT_FALSE(joins(3, 6, with(0x02)));  // SYN
  EXPECT_FALSE(joins(3, 6, with(0x04)));  // RST
  EXPECT_FALSE(joins(3, 6, [this](Bytes& frame) { frame[tcp_at() + 7] ^= 1; }));   // sequence
  EXPECT_FALSE(joins(3, 6, [this](Bytes& frame) { frame[tcp_at() + 22] = 5; }));   // options
  EXPECT_FALSE(joins(3, 6, [this](Bytes& frame) { frame[kVirtio + 1] ^= 4; }));    // class
  EXPECT_FALSE(joins(3, 6, [this](Bytes& frame) { frame[kVirtio + (v6() ? 7 : 8)] ^= 1; }));
  EXPECT_FALSE(joins(3, 6, [](Bytes& frame) { frame[0] = 0; }));  // its checksum is complete
}

TEST_P(WanlabReceiveOffload, NothingFollowsAShortPacketOrAnEnd) {
  Bytes ends = whole(1500);
  add(ends);
  Bytes next = whole(1000);
  const uint32_t sequence = get32(ends, tcp_at() + 4) + 1500;
  put16(next, tcp_at() + 4, sequence >> 16);
  put16(next, tcp_at() + 6, sequence & 0xffff);
  next[tcp_at() + 13] = 0x10;
  add(next);
  EXPECT_EQ(flush().size(), 2u);
}

TEST_P(WanlabReceiveOffload, StaysWithinTheLongestPacket) {
  const Bytes all = whole(60'000);
  add(all);
  Bytes next = all;
  const uint32_t sequence = get32(all, tcp_at() + 4) + 60'000;
  put16(next, tcp_at() + 4, sequence >> 16);
  put16(next, tcp_at() + 6, sequence & 0xffff);
  next[tcp_at() + 13] = 0x10;
  add(next);
  for (const Written& written : flush()) EXPECT_LE(written.frame.size(), kVirtio + 65535);
}

TEST_P(WanlabReceiveOffload, SurvivesAnything) {
  std::mt19937 random(7);
  const Bytes good = whole(3000);
  for (int i = 0; i < 20'000; ++i) {
    Bytes frame(good.begin(), good.begin() + static_cast<ptrdiff_t>(random() % 120));
    for (int change = 0; change < 3 && !frame.empty(); ++change) {
      frame[random() % std::min<size_t>(frame.size(), 90)] = static_cast<uint8_t>(random());
    }
    add(frame);
    if (i % 10 == 9) flush();
  }
}

}  // namespace
}  // namespace atoll_cli
