// Which connections of a link stay when both sides have dialled.
#include "engine/connection_set.h"

#include <gmock/gmock.h>

namespace atoll_core::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr Duration kDial = seconds(5);

TEST(ConnectionSet, KeepsAllThatOneSideDials) {
  ConnectionSet set(Dialler::kHere, kDial);
  for (uint8_t index = 0; index < 4; ++index) {
    const auto change = set.add(10 + index, Dialler::kThere, index, kStart);
    EXPECT_TRUE(change.stays);
    EXPECT_THAT(change.gone, IsEmpty());
  }
  EXPECT_EQ(set.size(), 4u);
  EXPECT_EQ(set.dialler(), Dialler::kThere) << "it makes up for what is lost";
}

// Both ends see the dials in one order or the other, and come to the same.
TEST(ConnectionSet, OfDialsThatCrossThoseOfTheFirstSideStay) {
  for (const Dialler first : {Dialler::kHere, Dialler::kThere}) {
    const Dialler second = first == Dialler::kHere ? Dialler::kThere : Dialler::kHere;
    ConnectionSet early(first, kDial);
    EXPECT_TRUE(early.add(1, first, 0, kStart).stays);
    EXPECT_FALSE(early.add(2, second, 0, kStart + kDial - milliseconds(1)).stays);
    EXPECT_THAT(early.keys(), ElementsAre(1));
    ConnectionSet late(first, kDial);
    EXPECT_TRUE(late.add(2, second, 0, kStart).stays);
    EXPECT_TRUE(late.add(3, second, 1, kStart).stays);
    EXPECT_THAT(late.add(1, first, 0, kStart + milliseconds(1)).gone, ElementsAre(2, 3));
    EXPECT_THAT(late.keys(), ElementsAre(1));
  }
}

// It dials only when it has no connection: what stands here is lost.
TEST(ConnectionSet, TheOtherSideKnowsWhenAnOldSetIsLost) {
  ConnectionSet set(Dialler::kHere, kDial);
  set.add(1, Dialler::kHere, 0, kStart);
  set.add(2, Dialler::kHere, 1, kStart);
  const auto change = set.add(3, Dialler::kThere, 0, kStart + kDial);
  EXPECT_TRUE(change.stays);
  EXPECT_THAT(change.gone, ElementsAre(1, 2));
  EXPECT_EQ(set.dialler(), Dialler::kThere);
}

TEST(ConnectionSet, ADiallerFillsOnlyPlacesThatAreEmpty) {
  ConnectionSet set(Dialler::kThere, kDial);
  set.add(1, Dialler::kThere, 0, kStart);
  set.add(2, Dialler::kThere, 1, kStart);
  EXPECT_THAT(set.add(3, Dialler::kThere, 1, kStart + milliseconds(1)).gone, ElementsAre(2));
  EXPECT_THAT(set.keys(), ElementsAre(1, 3));
  set.remove(3);
  EXPECT_TRUE(set.add(4, Dialler::kThere, 1, kStart).stays);
}

TEST(ConnectionSet, TellsWhichPlacesAreTakenFromHere) {
  ConnectionSet set(Dialler::kHere, kDial);
  set.add(1, Dialler::kHere, 0, kStart);
  set.add(2, Dialler::kHere, 2, kStart);
  EXPECT_TRUE(set.taken(0));
  EXPECT_FALSE(set.taken(1));
  EXPECT_TRUE(set.taken(2));
}

}  // namespace
}  // namespace atoll_core::engine
