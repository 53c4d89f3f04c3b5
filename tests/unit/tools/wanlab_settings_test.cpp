// What users write: durations, rates, percentages, matrix files.
#include "tools/atoll/wanlab/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/atoll/duration.h"
#include "tools/atoll/wanlab/matrix.h"
#include "tools/atoll/wanlab/quantities.h"

namespace atoll_cli {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(Duration, IsReadWithItsUnit) {
  EXPECT_EQ(parse_duration("40us"), microseconds(40));
  EXPECT_EQ(parse_duration("1.5ms"), microseconds(1500));
  EXPECT_EQ(parse_duration("2s"), milliseconds(2000));
  EXPECT_EQ(parse_duration("1m"), milliseconds(60'000));
  EXPECT_EQ(parse_duration("2h"), std::chrono::hours(2));
  for (const char* wrong : {"", "5", "ms", "-1s", "1 s", "1sec", "9000h", "nan s", "infs"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(WanlabQuantities, RatesAreReadWithTheirUnit) {
  EXPECT_EQ(parse_rate("100mbit"), 100e6);
  EXPECT_EQ(parse_rate("1.5gbit"), 1.5e9);
  EXPECT_EQ(parse_rate("64kbit"), 64e3);
  EXPECT_EQ(parse_rate("9600bit"), 9600);
  EXPECT_EQ(parse_rate("unlimited"), kUnlimited);
  for (const char* wrong : {"", "100", "mbit", "-1mbit", "0mbit", "999bit", "101gbit", "100Mbit",
                            "1mbps", "0x10mbit", "1e999gbit"}) {
    EXPECT_FALSE(parse_rate(wrong)) << wrong;
  }
}

TEST(WanlabQuantities, PercentagesAreReadWithTheirSign) {
  EXPECT_DOUBLE_EQ(parse_percentage("0.05%").value(), 0.0005);
  EXPECT_EQ(parse_percentage("100%"), 1);
  EXPECT_EQ(parse_percentage("0"), 0);
  for (const char* wrong : {"", "0.05", "-1%", "100.1%", "%", "5 %"}) {
    EXPECT_FALSE(parse_percentage(wrong)) << wrong;
  }
}

TEST(WanlabQuantities, RatesAreWrittenForReaders) {
  EXPECT_EQ(format_rate(100e6), "100 Mbit/s");
  EXPECT_EQ(format_rate(2.5e9), "2.5 Gbit/s");
  EXPECT_EQ(format_rate(64e3), "64 kbit/s");
  EXPECT_EQ(format_rate(0), "unlimited");
}

TEST(WanlabSettings, QueuesAreChosenByRoundTripAndRate) {
  PathSettings path;
  path.delay = milliseconds(40);
  NetworkSettings settings(3, path, {});
  settings.path(1, 3).delay = milliseconds(100);
  settings.path(2, 1).queue = milliseconds(7);
  settings.path(2, 3).delay = settings.path(3, 2).delay = Nanoseconds(0);
  settings.path(3, 2).rate = 1e6;
  settings.choose_queues();
  EXPECT_EQ(settings.path(1, 2).queue, milliseconds(80));
  EXPECT_EQ(settings.path(1, 3).queue, milliseconds(140));
  EXPECT_EQ(settings.path(2, 1).queue, milliseconds(7));
  EXPECT_EQ(settings.path(2, 3).queue, milliseconds(20));
  EXPECT_EQ(settings.path(3, 2).queue, milliseconds(120));
  EXPECT_EQ(settings.host(1).queue, milliseconds(140));
  EXPECT_EQ(settings.host(2).queue, milliseconds(80));
}

TEST(WanlabSettings, TheCoordinatorHasNoRate) {
  PathSettings path;
  path.rate = 1e6;
  HostSettings host;
  host.up = host.down = 1e6;
  const NetworkSettings settings(1, path, host);
  EXPECT_EQ(settings.host(kCoordinatorNode).up, kUnlimited);
  EXPECT_EQ(settings.path(1, kCoordinatorNode).rate, kUnlimited);
  EXPECT_EQ(settings.path(kCoordinatorNode, 1).rate, kUnlimited);
}

TEST(WanlabMatrix, LinesChangePathsAndHosts) {
  NetworkSettings settings(3, {}, {});
  EXPECT_EQ(apply_matrix("# three islands\n"
                         "* <-> * delay 10ms\n"
                         "\n"
                         "1 -> 2  delay 40ms rate 20mbit jitter 2ms loss 0.5% queue 30ms  # long\n"
                         "2 <-> 3 cut\n"
                         "coordinator <-> 3 delay 5ms\n"
                         "host * rate 100mbit\n"
                         "host 2 up 10mbit queue 9ms\n",
                         settings),
            "");
  const PathSettings& path = settings.path(1, 2);
  EXPECT_EQ(path.delay, milliseconds(40));
  EXPECT_EQ(path.rate, 20e6);
  EXPECT_EQ(path.jitter, milliseconds(2));
  EXPECT_DOUBLE_EQ(path.loss, 0.005);
  EXPECT_EQ(path.queue, milliseconds(30));
  EXPECT_EQ(settings.path(2, 1).delay, milliseconds(10));
  EXPECT_EQ(settings.path(2, 1).rate, kUnlimited);
  EXPECT_TRUE(settings.path(2, 3).cut);
  EXPECT_TRUE(settings.path(3, 2).cut);
  EXPECT_FALSE(settings.path(1, 3).cut);
  EXPECT_EQ(settings.path(kCoordinatorNode, 3).delay, milliseconds(5));
  EXPECT_EQ(settings.path(kCoordinatorNode, 1).delay, milliseconds(0));  // * is peers only
  EXPECT_EQ(settings.host(1).up, 100e6);
  EXPECT_EQ(settings.host(2).up, 10e6);
  EXPECT_EQ(settings.host(2).down, 100e6);
  EXPECT_EQ(settings.host(2).queue, milliseconds(9));
}

TEST(WanlabMatrix, ALaterLineOpensACutPath) {
  NetworkSettings settings(3, {}, {});
  EXPECT_EQ(apply_matrix("* -> * cut\n1 <-> 2 delay 1ms\n", settings), "");
  EXPECT_FALSE(settings.path(1, 2).cut);
  EXPECT_FALSE(settings.path(2, 1).cut);
  EXPECT_TRUE(settings.path(1, 3).cut);
}

TEST(WanlabMatrix, ComplaintsNameTheLineAndTheWord) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 -> 4 delay 1ms", "'4' is neither a peer from 1 to 3"},
      {"0 -> 1 delay 1ms", "'0' is neither"},
      {"1x -> 2 delay 1ms", "'1x'"},
      {"1 -> 1 delay 1ms", "from one node to another"},
      {"1 => 2 delay 1ms", "'=>'"},
      {"1 -> 2", "a path is FROM"},
      {"1 -> 2 delay", "'delay' has no value"},
      {"1 -> 2 delay 40", "'40' is not like 40ms"},
      {"1 -> 2 loss 5", "'5' is not like 0.05%"},
      {"1 -> 2 rate fast", "'fast' is not like 100mbit"},
      {"1 -> 2 speed 1mbit", "no 'speed'"},
      {"1 -> 2 cut delay 1ms", "nothing can follow"},
      {"host 9 rate 1mbit", "'9' is neither"},
      {"host 1", "a host is"},
      {"host 1 delay 5ms", "a host has no 'delay'"},
      {"host 1 up", "a host is"},
      {"host 1 up 1mbit down", "'down' has no value"},
  };
  for (const auto& [line, complaint] : cases) {
    NetworkSettings settings(3, {}, {});
    const std::string answer = apply_matrix(std::string("1 -> 2 delay 1ms\n") + line, settings);
    EXPECT_THAT(answer, HasSubstr("line 2: ")) << line;
    EXPECT_THAT(answer, HasSubstr(complaint)) << line;
  }
}

}  // namespace
}  // namespace atoll_cli
