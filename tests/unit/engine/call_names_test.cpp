#include "engine/call_names.h"

#include <gtest/gtest.h>

#include "base/field_rules.h"
#include "membership/common/update_tag.h"

namespace atoll_core::engine {
namespace {

TEST(CallNames, AsManyAsAnUpdateCanTellOfAndNotOneMore) {
  CallNames names;
  for (uint64_t tag = 0; tag < kCallNamesMax; ++tag) {
    ASSERT_TRUE(names.may_take(kGroupAll, tag));
    names.take(kGroupAll, tag);
  }
  EXPECT_FALSE(names.may_take(kGroupAll, kCallNamesMax));
  EXPECT_FALSE(names.may_take(0, 5)) << "another group is another name";
  EXPECT_TRUE(names.may_take(kGroupAll, 5)) << "was there before";
  wire::UpdateRequest request{Epoch{}, names.positions()};
  request.positions.push_back({kGroupAll, membership::kUpdateTag, 3});
  const auto read = wire::decode_to_coordinator(wire::encode(wire::ToCoordinator(request)));
  EXPECT_TRUE(read) << read.error().message;
  names.set_generation({{{1, 1}, 1}});
  EXPECT_TRUE(names.may_take(kGroupAll, kCallNamesMax)) << "a generation begins anew";
}

}  // namespace
}  // namespace atoll_core::engine
