#include "transport/control_pulse.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace atoll_core::transport {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

class ControlPulseTest : public testing::Test {
 protected:
  ControlPulseTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0);
    pulse_.begin(ends_[0]);
    pulse_.set("beat.", 100ms);
    pulse_.write(kStart, queue_, [] { return true; });
  }
  ~ControlPulseTest() override {
    for (const int end : ends_) ::close(end);
  }
  std::string received() {
    std::array<char, 100> bytes{};
    const ssize_t count = ::recv(ends_[1], bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count > 0 ? std::string(bytes.data(), static_cast<size_t>(count)) : "";
  }

  std::array<int, 2> ends_{-1, -1};
  ControlPulse pulse_;
  std::string queue_;
};

TEST_F(ControlPulseTest, BeatsWhenNothingWasSentForLongAndThenAgain) {
  pulse_.beat(kStart + 149ms);
  EXPECT_EQ(received(), "");
  pulse_.beat(kStart + 150ms);
  EXPECT_EQ(received(), "beat.");
  pulse_.beat(kStart + 299ms);
  EXPECT_EQ(received(), "");
  pulse_.beat(kStart + 300ms);
  EXPECT_EQ(received(), "beat.");
}

TEST_F(ControlPulseTest, IsSilentWhileTheLoopSends) {
  pulse_.write(kStart + 100ms, queue_, [] { return true; });
  pulse_.beat(kStart + 200ms);
  EXPECT_EQ(received(), "");
}

TEST_F(ControlPulseTest, NeverBeatsIntoAMessage) {
  pulse_.write(kStart, queue_, [] { return false; });  // in part
  pulse_.beat(kStart + 1s);
  EXPECT_EQ(received(), "");
  pulse_.set_whole(true);
  pulse_.beat(kStart + 1s);
  EXPECT_EQ(received(), "beat.");
}

TEST_F(ControlPulseTest, WhatIsLeftOfABeatGoesFirst) {
  const int least = 1;
  ::setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
  pulse_.set(std::string(1u << 20, '.') + "!", 100ms);
  pulse_.beat(kStart + 1s);
  pulse_.beat(kStart + 2s);  // not into the first one
  queue_ = "message";
  pulse_.write(kStart + 3s, queue_, [] { return false; });
  EXPECT_GT(queue_.size(), 8u);
  EXPECT_EQ(queue_.substr(queue_.size() - 8), "!message");
}

TEST_F(ControlPulseTest, DoesNotTouchAConnectionThatHasEnded) {
  pulse_.end();
  pulse_.beat(kStart + 1s);
  EXPECT_EQ(received(), "");
  pulse_.begin(ends_[0]);  // without a heartbeat yet
  pulse_.beat(kStart + 2s);
  EXPECT_EQ(received(), "");
}

}  // namespace
}  // namespace atoll_core::transport
