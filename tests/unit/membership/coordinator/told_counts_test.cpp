// A coordinator counts on from what peers tell of a run. What leaves no room for that is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"
#include "wire/view_check.h"

namespace atoll_core::membership {
namespace {

using testing::HasSubstr;

constexpr TimePoint kFirstMoment{std::chrono::seconds(1)};
constexpr Incarnation kHere{5, 42};

// Of a run of two whose coordinator had this life.
wire::Register claimant(uint32_t life, uint64_t epoch_number = 9) {
  wire::Register hello;
  wire::View view = first_view(1, {info(1, "a"), info(2, "b")});
  view.instance = {5, 5};
  view.epoch = {{life, 42}, epoch_number};
  view.generation = {view.epoch};
  hello.peer = view.members.front();
  hello.memory.instance = view.instance;
  hello.memory.life = {life, 42};
  hello.rejoin = wire::Rejoin{{life, 42}, std::move(view), {}, 0, ErrorCode::kSuccess, "", false};
  return hello;
}

// What the coordinator answers, as peers read it; empty: nothing is wrong.
std::string answer_to(const wire::Register& hello) {
  const auto heard = wire::decode_to_coordinator(wire::encode(wire::ToCoordinator(hello)));
  if (!heard) return heard.error().message;
  CoordinatorMachine machine({}, kHere);
  machine.on_connected(kFirstMoment, {1}, "somewhere");
  machine.on_message(kFirstMoment, {1}, *heard);
  machine.tick(kFirstMoment + std::chrono::seconds(30));  // the others do not come
  for (const auto& item : machine.take_output().items) {
    const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
    if (send == nullptr) continue;
    const auto read = wire::decode_to_peer(wire::encode(send->message));
    if (!read) return "cannot be read: " + read.error().message;
    if (const auto* refused = std::get_if<wire::Refused>(&*read)) return refused->reason;
  }
  return "";
}

TEST(ToldCounts, ALifeThatThisOneCanCountOnFromIsTaken) {
  for (const uint32_t life : {1u, 5u, 6u, 5 + limits::kIncarnationsAhead}) {
    EXPECT_EQ(answer_to(claimant(life)), "") << life;
  }
}

TEST(ToldCounts, ALifeFarAheadIsRefused) {
  for (const uint32_t life : {6 + limits::kIncarnationsAhead, limits::kIncarnations - 1,
                              limits::kIncarnations}) {
    EXPECT_THAT(answer_to(claimant(life)), HasSubstr("none is so far ahead")) << life;
  }
  EXPECT_THAT(answer_to(claimant(0xFFFFFFFF)), HasSubstr("beyond all counts"));
}

// It tells a later life than this one's, and this one would tell a still later one.
TEST(ToldCounts, SoIsOneThatANewcomerRemembers) {
  wire::Register hello;
  hello.peer = info(0, "a");
  hello.memory.instance = {5, 5};
  hello.memory.life = {limits::kIncarnations, 7};
  EXPECT_THAT(answer_to(hello), HasSubstr("none is so far ahead"));
  hello.memory.life = {0xFFFFFFFF, 7};
  EXPECT_THAT(answer_to(hello), HasSubstr("remembers incarnation"));
  hello.memory.life = {6, 7};
  EXPECT_EQ(answer_to(hello), "");
}

TEST(ToldCounts, CountsThatLeaveNoRoomAreRefused) {
  EXPECT_EQ(answer_to(claimant(5, limits::kCounts / 2)), "");
  EXPECT_THAT(answer_to(claimant(5, limits::kCounts / 2 + 1)), HasSubstr("no run has so many"));
  EXPECT_THAT(answer_to(claimant(5, limits::kCounts)), HasSubstr("no run has so many"));
  wire::Register hello = claimant(5);
  hello.rejoin->updates = limits::kCounts;
  EXPECT_THAT(answer_to(hello), HasSubstr("no run has so many"));
  hello = claimant(5);
  hello.memory.history.syncs = limits::kCounts;
  EXPECT_THAT(answer_to(hello), HasSubstr("no run has so many"));
}

}  // namespace
}  // namespace atoll_core::membership
