// What is no view, wherever it is told: in a Register, in what leads from one view to the next.
#include "wire/view_check.h"

#include <functional>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/wire/refusal_of.h"

namespace atoll_core::wire {
namespace {

using testing::HasSubstr;

constexpr Incarnation kLife{3, 42};

PeerInfo member(uint64_t number, const std::string& replica, uint32_t shard = 0,
                uint32_t shards = 1) {
  PeerInfo peer;
  peer.id = {number};
  peer.session = {7, number};
  peer.name = "peer-" + std::to_string(number);
  peer.replica = replica;
  peer.shard = shard;
  peer.shard_count = shards;
  peer.slot = static_cast<uint32_t>(number - 1);
  return peer;
}

// Of a replica of two shards and one of one; between them there was another one.
View a_view() {
  View view;
  view.instance = {5, 5};
  view.epoch = {kLife, 9};
  view.generation = {{kLife, 7}};
  view.members = {member(1, "left", 0, 2), member(2, "left", 1, 2), member(4, "right")};
  view.slots = {{1}, {2}, {3}, {4}};
  view.plan = topology::make_plan(3);
  return view;
}

Register a_member() {
  Register hello;
  hello.peer = member(4, "right");
  hello.memory.instance = {5, 5};
  hello.memory.life = kLife;
  hello.rejoin = Rejoin{kLife, a_view(), {}, 2, ErrorCode::kSuccess, "", false};
  for (const uint64_t generation : {5, 7}) {
    GenerationState state;
    state.generation = {{kLife, generation}};
    state.attempt = {kLife, 9};
    state.members = {{{1}, "peer-1", "left", 0, 0}, {{4}, "peer-4", "right", 0, 3}};
    state.plan = topology::make_plan(2);
    hello.rejoin->generations.push_back(state);
  }
  return hello;
}

struct Case {
  std::string name;
  std::function<void(Register&)> spoil;
  std::string expected;
};
void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

Case view_case(std::string name, std::function<void(View&)> spoil, std::string expected) {
  return {std::move(name), [spoil](Register& hello) { spoil(hello.rejoin->view); },
          "register.rejoin.view " + expected};
}

class NoMember : public testing::TestWithParam<Case> {};

TEST(ViewCheck, AMemberIsHeard) { EXPECT_EQ(refusal_of(a_member()), ""); }

TEST_P(NoMember, IsRefused) {
  Register hello = a_member();
  GetParam().spoil(hello);
  EXPECT_THAT(refusal_of(hello), HasSubstr(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    Views, NoMember,
    testing::Values(
        view_case("SessionTwice", [](View& v) { v.members[1].session = v.members[2].session; },
                  "names peer-4 twice"),
        view_case("IdTwice", [](View& v) { v.members[1].id = {1}; }, "names peer-2 twice"),
        view_case("Nobody", [](View& v) {
          v.members.clear();
          v.plan = topology::make_plan(0);
        }, "has no members"),
        view_case("ReplicaApart", [](View& v) { v.members[2].replica = "left"; },
                  "has the shards of replica left apart"),
        view_case("ReplicaNotWhole", [](View& v) { v.members[2].shard_count = 2; },
                  "lacks shard 1 of the 2 of replica right"),
        view_case("ShardsOutOfOrder", [](View& v) { std::swap(v.members[0], v.members[1]); },
                  "lacks shard 0 of the 2 of replica left"),
        view_case("ShardCountsDiffer", [](View& v) { v.members[1].shard_count = 3; },
                  "lacks shard 1 of the 2 of replica left"),
        view_case("SlotOfAnother", [](View& v) { v.members[2].slot = 2; },
                  "does not have peer-4 at its slot, which is 2"),
        view_case("SlotBeyondAll", [](View& v) { v.members[2].slot = 4; },
                  "does not have peer-4 at its slot, which is 4"),
        view_case("SlotsOutOfOrder", [](View& v) {
          std::swap(v.slots[0], v.slots[1]);
          std::swap(v.members[0].slot, v.members[1].slot);
        }, "does not have peer-2 at its slot, which is 0"),
        view_case("SlotTwice", [](View& v) { v.slots[2] = {4}; }, "gives two slots to one peer"),
        view_case("LostBeforeItBegan", [](View& v) { v.epoch.number = 7; },
                  "begins a generation with 4 slots for 3 members"),
        view_case("GenerationLater", [](View& v) { v.generation.first.number = 10; },
                  "is of epoch 3.9 in the later generation g3.10"),
        view_case("EpochBeyondCounts", [](View& v) { v.epoch.number = limits::kCounts + 1; },
                  "is of epoch 3.281474976710657 in generation g3.7, beyond all counts"),
        view_case("LifeBeyondCounts", [](View& v) {
          v.epoch.incarnation.counter = limits::kIncarnations + 1;
          v.generation.first.incarnation.counter = limits::kIncarnations + 1;
        }, "is of epoch 1073741825.9 in generation g1073741825.7, beyond all counts")),
    [](const auto& tested) { return tested.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Rejoins, NoMember,
    testing::Values(
        Case{"NotInItsView", [](Register& m) { m.peer.session = {7, 9}; },
             "register is of peer-4, which holds a view that it is not in"},
        Case{"OfAnotherInstance", [](Register& m) { m.memory.instance = {6, 6}; },
             "register is of peer-4, which holds a view that it is not in"},
        Case{"AllUpdates", [](Register& m) { m.rejoin->updates = ~uint64_t{0}; },
             "register.rejoin tells of incarnation 3~0000002a and 18446744073709551615 updates"},
        Case{"AllLives", [](Register& m) { m.rejoin->incarnation.counter = ~0u; },
             "register.rejoin tells of incarnation"},
        Case{"RemembersAllLives", [](Register& m) { m.memory.life.counter = ~0u; },
             "register remembers incarnation"},
        Case{"RemembersAllSyncs", [](Register& m) { m.memory.history.syncs = ~uint64_t{0}; },
             "register.memory.history.syncs is"},
        Case{"RemembersAllUpdates", [](Register& m) { m.memory.history.updates = ~uint64_t{0}; },
             "register.memory.history.updates is"},
        Case{"GenerationTwice", [](Register& m) {
               m.rejoin->generations[0] = m.rejoin->generations[1];
             }, "register.rejoin tells of generation g3.7 after g3.7"},
        Case{"GenerationsOutOfOrder", [](Register& m) {
               std::swap(m.rejoin->generations[0], m.rejoin->generations[1]);
             }, "register.rejoin tells of generation g3.5 after g3.7"},
        Case{"GenerationToCome", [](Register& m) {
               m.rejoin->generations[1].generation.first.number = 8;
             }, "register.rejoin tells of generation g3.8 in epoch 3.9, later than its view"},
        Case{"AttemptToCome", [](Register& m) { m.rejoin->generations[1].attempt.number = 10; },
             "later than its view of epoch 3.9"},
        Case{"AttemptBeforeIts", [](Register& m) { m.rejoin->generations[1].attempt.number = 6; },
             "register.rejoin.generations[1] is of epoch 3.6 in the later generation g3.7"},
        Case{"MemberOfAGenerationTwice", [](Register& m) {
               m.rejoin->generations[0].members[1].id = {1};
             }, "register.rejoin.generations[0] names 0.1 twice"}),
    [](const auto& tested) { return tested.param.name; });

Settled a_step() {
  Settled settled;
  ViewDelta& delta = settled.delta.emplace();
  delta.instance = {5, 5};
  delta.base = Epoch{kLife, 8};
  delta.epoch = {kLife, 9};
  delta.generation = {{kLife, 7}};
  delta.removed = {{3}};
  return settled;
}

TEST(ViewCheck, AStepThatNamesSomebodyTwiceIsNone) {
  EXPECT_EQ(refusal_of(a_step()), "");
  Settled twice = a_step();
  twice.delta->removed.push_back({3});
  EXPECT_EQ(refusal_of(twice), "settled.delta removes a member twice");
  twice = a_step();
  twice.delta->added = {member(4, "right"), member(4, "right")};
  EXPECT_EQ(refusal_of(twice), "settled.delta names peer-4 twice");
  twice = a_step();
  twice.delta->generation.first.number = 10;
  EXPECT_THAT(refusal_of(twice), HasSubstr("settled.delta is of epoch 3.9 in the later"));
}

TEST(ViewCheck, ARosterThatNamesSomebodyTwiceIsNone) {
  Roster roster;
  roster.peers = {{member(1, "a"), true}, {member(2, "b"), false}};
  EXPECT_EQ(refusal_of(roster), "");
  roster.peers[1].peer.session = {7, 1};
  EXPECT_EQ(refusal_of(roster), "roster names peer-2 twice");
}

TEST(ViewCheck, CountsThatCannotBeCountedOnAreToldByNobody) {
  Updated updated;
  updated.updates = limits::kCounts + 1;
  EXPECT_THAT(refusal_of(updated), HasSubstr("updated.updates is"));
  SyncPlan plan;
  plan.number = limits::kCounts + 1;
  EXPECT_THAT(refusal_of(plan), HasSubstr("sync_plan.number is"));
  Registered registered;
  registered.peer = {1};
  registered.incarnation.counter = limits::kIncarnations + 1;
  EXPECT_EQ(refusal_of(registered), "registered.incarnation is beyond all counts");
}

}  // namespace
}  // namespace atoll_core::wire
