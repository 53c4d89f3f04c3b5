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
}

}  // namespace
}  // namespace atoll_core::engine
