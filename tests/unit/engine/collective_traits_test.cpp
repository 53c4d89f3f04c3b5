#include "engine/collective_traits.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace atoll_core::engine {
namespace {

TEST(CollectiveTraits, SmallIsWhatMayBeKeptForThoseWhoMissIt) {
  const Context context{};
  CollectiveCall call;
  const auto small = [&](wire::OpKind kind, uint64_t bytes) {
    call.kind = kind;
    return is_small(call, bytes, context);
  };
  EXPECT_TRUE(small(wire::OpKind::kAllReduce, limits::kSmallOpBytes));
  EXPECT_FALSE(small(wire::OpKind::kAllReduce, limits::kSmallOpBytes + 1));
  // Where participants get different parts, all parts travel to all.
  EXPECT_TRUE(small(wire::OpKind::kGather, limits::kSmallPartsBytes));
  EXPECT_FALSE(small(wire::OpKind::kGather, limits::kSmallPartsBytes + 1));
  EXPECT_FALSE(small(wire::OpKind::kAllToAll, 0));
}

// Nobody returns before it has heard of all.
TEST(CollectiveTraits, AGatherToWhichSomebodyBringsNothingIsReduced) {
  CollectiveCall call;
  call.kind = wire::OpKind::kAllGather;
  EXPECT_EQ(carried_out_as(call, 100, true), wire::OpKind::kAllGather);
  call.counts = {20, 5};
  EXPECT_EQ(carried_out_as(call, 100, true), wire::OpKind::kAllGather);
  call.counts = {25, 0};
  EXPECT_EQ(carried_out_as(call, 100, true), wire::OpKind::kAllReduce);
  EXPECT_EQ(carried_out_as(call, 100, false), wire::OpKind::kAllGather);
}

}  // namespace
}  // namespace atoll_core::engine
