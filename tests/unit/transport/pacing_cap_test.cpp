#include "transport/pacing_cap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace atoll_core::transport {
namespace {

using std::chrono::milliseconds;

constexpr Duration kWindow = milliseconds(200);

// One connection of which a window carries so many bytes.
class Line {
 public:
  std::optional<uint64_t> window(uint64_t arrived, uint64_t lost, Duration round_trip,
                                 Duration length = kWindow) {
    now_ += length;
    sample_.sent_bytes += arrived + lost;
    sample_.resent_bytes += lost;
    sample_.delivered_packets += static_cast<uint32_t>(arrived / packet_bytes_);
    sample_.packet_bytes = packet_bytes_;
    sample_.round_trip = round_trip;
    sample_.least_round_trip = milliseconds(80);
    return cap_.update(sample_, now_);
  }
  std::optional<uint64_t> quiet() { return window(200'000, 0, milliseconds(80)); }
  std::optional<uint64_t> overflowing() { return window(200'000, 40'000, milliseconds(160)); }
  void set_packet_bytes(uint32_t bytes) { packet_bytes_ = bytes; }
  const PacingCap& cap() const { return cap_; }
  TimePoint now() const { return now_; }

 private:
  // Soon the count of packets begins again.
  static PacingSample first_sample() {
    PacingSample sample;
    sample.delivered_packets = ~uint32_t{0} - 300;
    return sample;
  }

  PacingCap cap_;
  PacingSample sample_ = first_sample();
  uint32_t packet_bytes_ = 1000;
  TimePoint now_{std::chrono::hours(1)};
};

TEST(PacingCap, HoldsAConnectionToWhatArrivedOfIt) {
  Line line;
  EXPECT_FALSE(line.quiet());
  EXPECT_EQ(line.overflowing(), 1'000'000u);  // 200,000 bytes in 200 ms
}

TEST(PacingCap, TakesNeitherLossesNorAQueueAloneForTooMuch) {
  Line line;
  line.quiet();
  EXPECT_FALSE(line.window(200'000, 40'000, milliseconds(90)));
  EXPECT_FALSE(line.window(200'000, 0, milliseconds(160)));
  EXPECT_FALSE(line.window(200'000, 3'900, milliseconds(160)));  // less than 2 % of what was sent
}

TEST(PacingCap, SeesNothingInAFewBytesOrAcrossAPause) {
  Line line;
  line.quiet();
  EXPECT_FALSE(line.window(40'000, 20'000, milliseconds(160)));
  EXPECT_FALSE(line.window(200'000, 40'000, milliseconds(160), milliseconds(5000)));
  EXPECT_TRUE(line.overflowing());
}

TEST(PacingCap, BearsShorterPackets) {
  Line line;
  line.quiet();
  line.quiet();
  line.set_packet_bytes(500);
  EXPECT_EQ(line.overflowing(), 1'000'000u);
}

TEST(PacingCap, GrowsSlowlyThenFastAndLapses) {
  Line line;
  line.quiet();
  ASSERT_TRUE(line.overflowing());
  std::vector<uint64_t> caps;
  while (const auto cap = line.quiet()) {
    caps.push_back(*cap);
    ASSERT_LT(caps.size(), 40u);
  }
  EXPECT_TRUE(std::is_sorted(caps.begin(), caps.end()));
  ASSERT_GT(caps.size(), 20u);  // windows of 200 ms
  EXPECT_LT(caps[3], 1'010'000u);
  EXPECT_NEAR(static_cast<double>(caps[9]), 1'100'000, 10);
  EXPECT_NEAR(static_cast<double>(caps[19]), 1'800'000, 10);
  EXPECT_GT(caps.back(), 3'700'000u);
  EXPECT_FALSE(line.quiet());
}

TEST(PacingCap, DoesNotTakeOldLossesForNewOnes) {
  Line line;
  line.quiet();
  ASSERT_TRUE(line.overflowing());
  // Sent again now, lost before: at half of what arrived it would come down.
  const auto half = [&](uint64_t lost) { return line.window(100'000, lost, milliseconds(160)); };
  EXPECT_GE(half(20'000).value_or(0), 1'000'000u);
  EXPECT_GE(half(20'000).value_or(0), 1'000'000u);
  half(0);
  half(0);
  EXPECT_EQ(half(20'000), 500'000u);
}

TEST(PacingCap, TakesTheBestOfTheLastWindows) {
  Line line;
  line.quiet();
  line.quiet();
  EXPECT_EQ(line.window(40'000, 40'000, milliseconds(160)), 1'000'000u);
}

TEST(PacingCap, IsDueAfterARoundTrip) {
  Line line;
  EXPECT_TRUE(line.cap().is_due(line.now()));
  line.window(1000, 0, milliseconds(300));
  EXPECT_FALSE(line.cap().is_due(line.now() + milliseconds(299)));
  EXPECT_TRUE(line.cap().is_due(line.now() + milliseconds(300)));
  line.window(1000, 0, milliseconds(3));
  EXPECT_FALSE(line.cap().is_due(line.now() + milliseconds(99)));
  EXPECT_TRUE(line.cap().is_due(line.now() + milliseconds(100)));
}

}  // namespace
}  // namespace atoll_core::transport
