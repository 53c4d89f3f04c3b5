#include "engine/call_names.h"

#include <gtest/gtest.h>

#include "base/field_rules.h"

namespace atoll_core::engine {
namespace {

TEST(CallNames, AsManyAsAPeerCanTellOfAndNotOneMore) {
  CallNames names;
  for (uint64_t tag = 0; tag < kCallNamesMax; ++tag) {
    ASSERT_TRUE(names.may_take(kGroupAll, tag));
    names.take(kGroupAll, tag);
  }
  EXPECT_FALSE(names.may_take(kGroupAll, kCallNamesMax));
  EXPECT_FALSE(names.may_take(0, 5)) << "another group is another name";
  EXPECT_TRUE(names.may_take(kGroupAll, 5)) << "was there before";
  const wire::ToCoordinator told = wire::Positions{names.positions()};
  const auto read = wire::decode_to_coordinator(wire::encode(told));
  EXPECT_TRUE(read) << read.error().message;
  names.set_generation({{{1, 1}, 1}});
  EXPECT_TRUE(names.may_take(kGroupAll, kCallNamesMax)) << "a generation begins anew";
}

}  // namespace
}  // namespace atoll_core::engine
