// Hundreds of peers come and go, and thousands of generations pass: no table of the coordinator
// machine keeps anything of those that are gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/coordinator/roster.h"
#include "unit/membership/coordinator/played_members.h"

namespace atoll_core::membership {
namespace {

class Forgetting : public PlayedMembers {
 protected:
  // Says also how fast it reaches the others, and they the same of it.
  void enter(uint64_t peer) {
    const std::vector<uint64_t> others = members_;
    come(peer);
    for (const uint64_t member : others) {
      for (const auto& [from, to] : {std::pair{peer, member}, std::pair{member, peer}}) {
        say(from, wire::Measured{{{heard_[to].id, 1000}}, 2000});
      }
    }
  }

  // Newcomers first, so that the last call of a member ends it for all.
  void update() {
    const CoordinatorStatus status = machine_.status();
    if (std::exchange(generation_, status.generation) != status.generation) updates_ = 0;
    const uint64_t number = updates_++;
    for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
      say(*member, wire::UpdateRequest{status.epoch, number, {}, {}, false});
    }
  }

  // One that all make, one that only the first makes, and one that all but the last make.
  void call() {
    const CoordinatorStatus status = machine_.status();
    const OpId op{status.generation, kGroupAll, 1, 0};
    const OpId lonely{status.generation, kGroupAll, 2, 0};
    const OpId sync{status.generation, kGroupAll, 3, 0};
    for (const uint64_t member : members_) {
      say(member, wire::OpDone{op, status.epoch, {}});
      say(member, wire::Ended{{{status.generation, kGroupAll, 1, 1}}});
      if (member != members_.back()) say(member, wire::SyncRequest{sync, status.epoch, {}});
    }
    say(members_.front(), wire::OpDone{lonely, status.epoch, {}});
  }

  void go(bool of_its_own_will) {
    const uint64_t peer = members_.back();
    members_.pop_back();
    for (const uint64_t member : members_) {
      say(member, wire::LinkReport{heard_[peer].id, wire::LinkState::kUnreachable, "gone", 0,
                                   true});
    }
    if (of_its_own_will) {
      say(peer, wire::Leave{"enough"});
    } else {
      machine_.on_disconnected(now_, {peer}, "reset");
      say(1, wire::ProbeResult{heard_[peer].id, {77, peer}, wire::ProbeOutcome::kDead, "refused"});
    }
    report_all();
    heard_.erase(peer);
  }

  void cycle() {
    enter(++last_);
    update();
    call();
    beat();
    go(last_ % 2 == 0);
    beat();
    update();
  }

  uint64_t last_ = 0;
  Generation generation_;
  uint64_t updates_ = 0;  // in this generation
};

TEST_F(Forgetting, ThousandsOfGenerationsLeaveWhatTheFirstHundredsLeft) {
  enter(++last_);
  update();
  enter(++last_);
  update();
  // The tables that are bounded by themselves are full then: those of departures, and generations.
  const size_t enough = Departures::kDeparturesKept;
  for (size_t i = 0; i < enough; ++i) cycle();
  ASSERT_EQ(members_.size(), 2u);
  const TableSizes before = machine_.table_sizes();
  const Generation generation = machine_.status().generation;
  for (size_t i = 0; i < enough; ++i) cycle();
  EXPECT_GE(machine_.status().generation.first.number, generation.first.number + 2 * enough);
  EXPECT_EQ(machine_.table_sizes(), before);
  for (const char* name : {"ops", "syncs", "rounds", "gone", "causes", "updates", "failed links"}) {
    EXPECT_EQ(before.at(name), 0u) << name;
  }
  EXPECT_EQ(before.at("roster"), 2u);
  EXPECT_EQ(before.at("links"), 2u);
  EXPECT_EQ(before.at("generations"), limits::kGenerations);
}

// Nobody dies meanwhile, so that no settle round tidies up.
TEST_F(Forgetting, ForgottenGenerationsTakeWithThemWhatIsAboutThem) {
  const size_t enough = limits::kGenerations + 8;
  while (last_ < enough) {
    enter(++last_);
    update();
    call();
    beat();
  }
  const TableSizes sizes = machine_.table_sizes();
  EXPECT_EQ(sizes.at("generations"), limits::kGenerations);
  EXPECT_EQ(sizes.at("ops"), limits::kGenerations) << "one lonely call in each";
  EXPECT_EQ(sizes.at("syncs"), limits::kGenerations);
  size_t members = 0;
  for (size_t i = enough - limits::kGenerations + 1; i <= enough; ++i) members += i;
  EXPECT_LE(sizes.at("marks"), members) << "one name in each";
}

TEST_F(Forgetting, WithTheRunGoesAllButWhoIsNotRegistered) {
  enter(++last_);
  update();
  enter(++last_);
  update();
  call();
  say(1, wire::LinkReport{heard_[2].id, wire::LinkState::kUnreachable, "no way", 0, true});
  machine_.on_connected(now_, {50}, "somewhere");
  // Its own incarnation has been outlived elsewhere.
  wire::Register superior;
  superior.peer = info(0, "p9");
  superior.peer.session = {77, 9};
  wire::View view = first_view(1, {superior.peer, info(8, "p8")});
  view.members[0].id = view.slots[0] = {9};
  view.instance = machine_.status().instance;
  view.epoch.incarnation = view.generation.first.incarnation = {7, 42};
  superior.memory.instance = view.instance;
  superior.memory.history = {100, 100, 0};
  superior.rejoin = wire::Rejoin{{7, 42}, view, {}, 0, ErrorCode::kSuccess, "", false};
  machine_.on_connected(now_, {60}, "somewhere");
  say(60, superior);
  ASSERT_EQ(machine_.status().steps_down, 1u);
  for (const auto& [name, size] : machine_.table_sizes()) {
    EXPECT_EQ(size, name == "visitors" ? 1u : 0u) << name;
  }
}

}  // namespace
}  // namespace atoll_core::membership
