#include "device/computer.h"

#include <gtest/gtest.h>

namespace atoll_core::device {
namespace {

TEST(Computer, IsTheSameWheneverItIsAsked) {
  EXPECT_NE(computer_id(), 0u);
  EXPECT_EQ(computer_id(), computer_id());
}

TEST(Computer, HasACpuForThisProcess) { EXPECT_GE(usable_cpus(), 1u); }

}  // namespace
}  // namespace atoll_core::device
