#include "link/connection_watch.h"

#include <gtest/gtest.h>

#include <random>

#include "unit/link/link_pair.h"

namespace atoll_core::link {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kHere = LinkPair::kHere;
constexpr int kThere = LinkPair::kThere;
constexpr Duration kBeat = milliseconds(500);
constexpr Duration kLimit = seconds(3);

TimePoint at(Duration time) { return TimePoint{} + time; }

TEST(ConnectionWatch, FindsSilence) {
  ConnectionWatch watch;
  watch.read(at(seconds(1)), 1);
  EXPECT_FALSE(watch.check(at(seconds(1)), Duration{0}, kLimit));
  EXPECT_FALSE(watch.check(at(seconds(4) - milliseconds(1)), Duration{0}, kLimit));
  EXPECT_EQ(watch.check(at(seconds(4)), Duration{0}, kLimit),
            "nothing has come over it for 3000 ms");
}

TEST(ConnectionWatch, OneThatWasNeverHeardIsSilentToo) {
  ConnectionWatch watch;
  EXPECT_FALSE(watch.check(at(seconds(7)), Duration{0}, kLimit)) << "it has just been made";
  EXPECT_TRUE(watch.check(at(seconds(10)), Duration{0}, kLimit));
}

TEST(ConnectionWatch, OwnSleepIsNobodysSilence) {
  ConnectionWatch watch;
  watch.read(at(seconds(1)), 1);
  EXPECT_FALSE(watch.check(at(seconds(61)), seconds(59), kLimit));
  EXPECT_FALSE(watch.check(at(seconds(62)), Duration{0}, kLimit)) << "2 s are counted so far";
  EXPECT_TRUE(watch.check(at(seconds(63)), Duration{0}, kLimit));
}

TEST(ConnectionWatch, FindsBytesThatDoNotArrive) {
  ConnectionWatch watch;
  watch.wrote(1000);
  ASSERT_TRUE(watch.confirm(at(seconds(1)), 400));
  for (Duration time = seconds(2); time < seconds(5); time += kBeat) {
    watch.read(at(time), 128);
    ASSERT_TRUE(watch.confirm(at(time), 400));
    EXPECT_FALSE(watch.check(at(time), Duration{0}, kLimit));
  }
  watch.read(at(seconds(5)), 128);
  ASSERT_TRUE(watch.confirm(at(seconds(5)), 400));
  EXPECT_EQ(watch.check(at(seconds(5)), Duration{0}, kLimit),
            "600 bytes that were sent have not arrived for 3000 ms");
}

TEST(ConnectionWatch, ASlowPathIsNoStandstill) {
  ConnectionWatch watch;
  watch.wrote(1u << 20);
  for (uint64_t beats = 1; beats <= 200; ++beats) {
    const TimePoint now = at(kBeat * beats);
    watch.read(now, 128);
    ASSERT_TRUE(watch.confirm(now, beats / 5));  // a byte every 2.5 s
    EXPECT_FALSE(watch.check(now, Duration{0}, kLimit)) << beats;
  }
}

// Heartbeats that wait in a deep queue behind much data tell nothing, but not that nothing arrives.
TEST(ConnectionWatch, LateHeartbeatsAreNoStandstill) {
  ConnectionWatch watch;
  watch.wrote(1u << 20);
  for (uint64_t beats = 1; beats <= 200; ++beats) {
    watch.read(at(kBeat * beats), 60'000);
    EXPECT_FALSE(watch.check(at(kBeat * beats), Duration{0}, kLimit));
  }
  ASSERT_TRUE(watch.confirm(at(kBeat * 200), 128));
  ASSERT_TRUE(watch.confirm(at(kBeat * 200), 128)) << "two that came together";
  EXPECT_FALSE(watch.check(at(kBeat * 200), Duration{0}, kLimit));
}

TEST(ConnectionWatch, NothingMissingIsNoStandstill) {
  ConnectionWatch watch;
  watch.wrote(100);
  for (uint64_t beats = 1; beats <= 100; ++beats) {
    watch.read(at(kBeat * beats), 128);
    ASSERT_TRUE(watch.confirm(at(kBeat * beats), 100));
    EXPECT_FALSE(watch.check(at(kBeat * beats), Duration{0}, kLimit));
  }
}

TEST(ConnectionWatch, RefusesMoreThanWasSent) {
  ConnectionWatch watch;
  watch.wrote(100);
  EXPECT_TRUE(watch.confirm(at(seconds(1)), 100));
  EXPECT_FALSE(watch.confirm(at(seconds(1)), 101));
}

// ---- in two links ------------------------------------------------------------------------------

class SilentLink : public ::testing::Test {
 protected:
  // Payloads of 1 to 2000 bytes, from here to there.
  void send(size_t frames) {
    std::mt19937_64 random(frames);
    for (size_t i = 0; i < frames; ++i) {
      payloads_.push_back(random_payload(random, 1 + random() % 2000));
    }
    const AttemptId attempt = attempt_number(1);
    pair_.here().link().grant(attempt, UINT64_MAX);
    for (size_t i = 0; i < frames; ++i) {
      pair_.here().link().send_chunk(frame_of(attempt, i, payloads_[i]));
    }
  }
  void expect_delivered() {
    EXPECT_EQ(pair_.there().deliveries(), payloads_.size());
    for (size_t i = 0; i < payloads_.size(); ++i) {
      EXPECT_EQ(pair_.there().delivered().at(i).payload, payloads_[i]) << "frame " << i;
    }
  }
  std::vector<SilentConnection> pulse(int side, Duration slept = Duration{0}) {
    return pair_.side(side).link().pulse(pair_.now(), slept, kLimit);
  }
  // Why the stream breaks when this heartbeat comes; empty when it does not.
  std::string refusal_of(wire::FrameHeader heartbeat) {
    const ConnectionKey key = pair_.add();
    heartbeat.kind = wire::FrameKind::kHeartbeat;
    heartbeat.acknowledged = 1;
    wire::FrameHeaderBytes bytes;
    wire::encode_frame_header(heartbeat, bytes);
    pair_.on_the_way(kThere, key).assign(bytes.begin(), bytes.end());
    return pair_.read(kHere, key, SIZE_MAX) ? "" : pair_.reason();
  }

  LinkPair pair_;
  std::vector<ByteBuffer> payloads_;
};

TEST_F(SilentLink, IdleConnectionsCarryHeartbeatsOnly) {
  const ConnectionKey key = pair_.add();
  for (int beats = 0; beats < 100; ++beats) {
    pair_.pass(kBeat);
    for (const int side : {kHere, kThere}) {
      EXPECT_TRUE(pulse(side).empty());
      EXPECT_EQ(pair_.write(side, key, 10'000), wire::kFrameHeaderBytes);
      ASSERT_TRUE(pair_.read(1 - side, key, SIZE_MAX)) << pair_.reason();
    }
  }
  EXPECT_EQ(pair_.here().deliveries() + pair_.there().deliveries(), 0u);
}

TEST_F(SilentLink, AFrameThatTricklesInIsNoSilence) {
  const ConnectionKey key = pair_.add();
  send(1);
  pair_.write(kHere, key, SIZE_MAX);
  for (int beats = 0; beats < 40; ++beats) {
    pair_.pass(kBeat);
    ASSERT_TRUE(pair_.read(kThere, key, beats % 4 == 0 ? 1 : 0)) << pair_.reason();
    EXPECT_TRUE(pulse(kThere).empty()) << "after " << beats << " heartbeats";
  }
}

TEST_F(SilentLink, BothEndsFindTheWayThatIsBlocked) {
  const ConnectionKey key = pair_.add();
  pair_.settle();
  std::array<Duration, 2> found{};
  for (Duration time = kBeat; time <= seconds(10); time += kBeat) {
    pair_.pass(kBeat);
    for (const int side : {kHere, kThere}) {
      const auto silent = pulse(side);
      if (!silent.empty() && found[static_cast<size_t>(side)] == Duration{0}) {
        EXPECT_EQ(silent.front().key, key);
        found[static_cast<size_t>(side)] = time;
      }
      pair_.write(side, key, SIZE_MAX);
      if (side == kHere) pair_.on_the_way(kHere, key).clear();
      else ASSERT_TRUE(pair_.read(kHere, key, SIZE_MAX)) << pair_.reason();
    }
  }
  for (const int side : {kHere, kThere}) {
    EXPECT_GE(found[static_cast<size_t>(side)], kLimit);
    EXPECT_LE(found[static_cast<size_t>(side)], kLimit + 2 * kBeat) << "side " << side;
    EXPECT_GT(pair_.side(side).link().counters().connections_given_up, 0u);
  }
}

TEST_F(SilentLink, ChunksOfASilentConnectionGoOverTheOther) {
  const ConnectionKey dead = pair_.add();
  const ConnectionKey alive = pair_.add();
  send(200);
  // The dead one takes some of them, the other carries all that follow.
  pair_.write(kHere, dead, 8'000);
  pair_.on_the_way(kHere, dead).clear();
  bool given_up = false;
  for (int beats = 0; beats < 20 && !given_up; ++beats) {
    pair_.pass(kBeat);
    EXPECT_TRUE(pulse(kHere).empty()) << "this end hears over both";
    for (const SilentConnection& silent : pulse(kThere)) {
      EXPECT_EQ(silent.key, dead) << "frames are missing, but not on the other connection";
      given_up = true;
    }
    while (pair_.write(kHere, alive, 10'000) > 0) {
    }
    ASSERT_TRUE(pair_.read(kThere, alive, SIZE_MAX)) << pair_.reason();
    for (const ConnectionKey key : {dead, alive}) {
      pair_.write(kThere, key, SIZE_MAX);
      ASSERT_TRUE(pair_.read(kHere, key, SIZE_MAX)) << pair_.reason();
    }
  }
  ASSERT_TRUE(given_up);
  EXPECT_LT(pair_.there().deliveries(), 200u);
  pair_.cut(dead);
  pair_.settle();
  expect_delivered();
  EXPECT_GT(pair_.here().link().counters().frames_resent, 0u);
  EXPECT_LT(pair_.here().link().counters().frames_resent, 20u);
}

TEST_F(SilentLink, AHeartbeatThatBoastsBreaksItsStream) {
  wire::FrameHeader heartbeat;
  heartbeat.detail = 5;
  EXPECT_EQ(refusal_of(heartbeat), "there has received more than was sent");
}

TEST_F(SilentLink, AHeartbeatHasNoPayload) {
  wire::FrameHeader heartbeat;
  heartbeat.payload_bytes = 10;
  EXPECT_EQ(refusal_of(heartbeat), "there sent a heartbeat frame with a payload");
}

}  // namespace
}  // namespace atoll_core::link
