#include "topology/tournament.h"

#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace atoll_core::topology {
namespace {

TEST(Tournament, EachMeetsEachOtherOnceAndNobodyTwiceInARound) {
  for (uint32_t members = 0; members <= 33; ++members) {
    std::set<std::pair<uint32_t, uint32_t>> met;
    for (uint32_t round = 0; round < tournament_rounds(members); ++round) {
      uint32_t resting = 0;
      for (uint32_t member = 0; member < members; ++member) {
        const auto other = opponent(members, round, member);
        if (!other) {
          ++resting;
          continue;
        }
        ASSERT_LT(*other, members);
        ASSERT_NE(*other, member);
        EXPECT_EQ(opponent(members, round, *other), member) << members << " round " << round;
        EXPECT_TRUE(met.emplace(member, *other).second) << members << " round " << round;
      }
      EXPECT_EQ(resting, members % 2);
    }
    EXPECT_EQ(met.size(), size_t{members} * (members == 0 ? 0 : members - 1));
  }
}

TEST(Tournament, HasNoMoreRoundsThanItNeeds) {
  EXPECT_EQ(tournament_rounds(1), 0u);
  EXPECT_EQ(tournament_rounds(2), 1u);
  EXPECT_EQ(tournament_rounds(3), 3u);
  EXPECT_EQ(tournament_rounds(16), 15u);
  EXPECT_FALSE(opponent(1, 0, 0));
}

}  // namespace
}  // namespace atoll_core::topology
