// The end of a command: one who waits for it must not miss it.
#include "tools/atoll/wanlab/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <optional>

namespace atoll_cli {
namespace {

// Without root the command cannot enter the namespace, and ends as well.
TEST(WanlabChild, ItsEndIsSeenByReapAlone) {
  ChildSettings settings;
  settings.program = "true";
  settings.words = {"true"};
  settings.name_space = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(settings.name_space, 0);
  Child child(settings);
  ::close(settings.name_space);
  pollfd ended{child.ended_event(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 60'000), 1);
  // It has ended. One who asks, finds it running and waits, must still be woken.
  EXPECT_FALSE(child.ended());
  EXPECT_EQ(child.ended_event(), ended.fd);
  ASSERT_EQ(::poll(&ended, 1, 0), 1);
  child.reap();
  EXPECT_TRUE(child.ended());
  EXPECT_EQ(child.ended_event(), -1);
}

}  // namespace
}  // namespace atoll_cli
