#include "transport/loop.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::transport {
namespace {

TEST(Loop, WhatIsLateComesWhenTheTurnIsOver) {
  Loop loop;
  std::vector<std::string> order;
  loop.turn([&] {
    loop.at_end_of_turn([&] { order.emplace_back("late"); });
    order.emplace_back("callback");
  });
  EXPECT_EQ(order, (std::vector<std::string>{"callback", "late"}));
  loop.turn([&] { order.emplace_back("next"); });
  EXPECT_EQ(order.size(), 3u) << "it is called once";
}

TEST(Loop, WhatIsLateOutsideOfATurnGetsOne) {
  Loop loop;
  bool called = false;
  loop.at_end_of_turn([&] { called = true; });
  EXPECT_FALSE(called);
  loop.context().poll();
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace atoll_core::transport
