// Members whose calls have very many names (a tag for each step): when a new generation begins, how
// a difference is found, and what the coordinator keeps.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/membership/coordinator/played_members.h"

namespace atoll_core::membership {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ManyNames : public PlayedMembers {
 protected:
  static constexpr uint32_t kFirst = 3;  // the first view has so many members

  ManyNames() : PlayedMembers(kFirst) {}

  // All in one view.
  void begin(uint64_t members) {
    for (uint64_t peer = 1; peer <= members; ++peer) come(peer);
    for (uint64_t peer = 1; peer <= members; ++peer) say(peer, wire::UpdateRequest{});
    if (members > kFirst) {  // they are let in by an update of the first ones
      for (uint64_t peer = 1; peer <= kFirst; ++peer) ask_update(peer, {});
    }
    for (const auto& peer : machine_.status().peers) ASSERT_EQ(peer.standing, "member");
    ASSERT_EQ(machine_.status().peers.size(), members);
    forget_heard();
  }

  using Positions = std::vector<wire::CallPosition>;
  static Positions names(uint64_t count) {
    Positions positions;
    for (uint64_t tag = 0; tag < count; ++tag) positions.push_back({0, tag, 1});
    return positions;
  }
  void ask_update(uint64_t peer, const Positions& positions, uint64_t number = 0) {
    say(peer, wire::UpdateRequest{machine_.status().epoch, number, wire::summary_of(positions),
                                  {}, false});
  }
  std::vector<uint64_t> asked() const {
    std::vector<uint64_t> peers;
    for (const auto& [peer, heard] : heard_) {
      const auto count = std::count(heard.messages.begin(), heard.messages.end(),
                                    "tell_positions");
      for (auto i = 0; i < count; ++i) peers.push_back(peer);
    }
    return peers;
  }
};

TEST_F(ManyNames, AnUpdateBehindThemBeginsANewGeneration) {
  ASSERT_NO_FATAL_FAILURE(begin(3));
  const Generation first = machine_.status().generation;
  for (const uint64_t peer : {1, 2, 3}) ask_update(peer, names(limits::kNamesPerGeneration));
  EXPECT_EQ(machine_.status().generation, first) << "so many are kept";
  for (const uint64_t peer : {1, 2, 3}) ask_update(peer, names(limits::kNamesPerGeneration + 1), 1);
  EXPECT_NE(machine_.status().generation, first);
  EXPECT_EQ(machine_.status().renamings, 1u);
  EXPECT_THAT(asked(), IsEmpty());
  for (const uint64_t peer : {1, 2, 3}) {
    ASSERT_EQ(heard_[peer].updates.size(), 2u);
    ASSERT_TRUE(heard_[peer].updates[1].delta);
    EXPECT_EQ(heard_[peer].updates[1].delta->reason, "calls have had 16385 names");
    EXPECT_THAT(heard_[peer].updates[1].delta->removed, IsEmpty());
    EXPECT_THAT(heard_[peer].updates[1].delta->added, IsEmpty());
  }
  // All count anew: calls and updates.
  for (const uint64_t peer : {1, 2, 3}) ask_update(peer, names(1));
  EXPECT_EQ(heard_[1].updates.size(), 3u);
  EXPECT_FALSE(heard_[1].updates.back().delta);
}

TEST_F(ManyNames, ADifferenceIsAskedForAndNamed) {
  ASSERT_NO_FATAL_FAILURE(begin(3));
  Positions others = names(20'000);
  others[15'000].next_sequence = 2;
  ask_update(1, names(20'000));
  ask_update(2, names(20'000));
  EXPECT_THAT(asked(), IsEmpty());
  ask_update(3, others);
  EXPECT_THAT(asked(), ElementsAre(1, 3));
  EXPECT_THAT(heard_[1].failures, IsEmpty());
  say(2, wire::UpdateWaiting{});
  EXPECT_THAT(heard_[2].waits, ElementsAre("p1, p3 have to tell which calls they have made"));
  say(3, wire::Positions{others});
  EXPECT_THAT(heard_[1].failures, IsEmpty());
  say(1, wire::Positions{names(20'000)});
  EXPECT_THAT(asked(), ElementsAre(1, 3)) << "once";
  for (const uint64_t peer : {1, 2, 3}) {
    EXPECT_THAT(heard_[peer].failures,
                ElementsAre("the members stand at different calls in atollUpdate: group 0 tag "
                            "15000: p1 is before #1, p3 before #2"));
  }
  EXPECT_EQ(machine_.table_sizes().at("updates"), 0u) << "what was told is forgotten";
  say(1, wire::Positions{names(20'000)});  // that nobody has asked for
  for (const uint64_t peer : {1, 2, 3}) ask_update(peer, others, 1);
  EXPECT_EQ(heard_[1].updates.size(), 1u) << "the run goes on";
}

// The answers are large: so of hundreds one of those that stand elsewhere tells, and one of those
// that it differs from.
TEST_F(ManyNames, OfHundredsOfMembersTwoAreAsked) {
  constexpr uint64_t kMembers = 300;
  ASSERT_NO_FATAL_FAILURE(begin(kMembers));
  for (uint64_t peer = 1; peer <= kMembers; ++peer) {
    ask_update(peer, names(peer % 2 == 0 ? 101 : 100));
  }
  EXPECT_THAT(asked(), ElementsAre(1, 2));
  say(1, wire::Positions{names(100)});
  say(2, wire::Positions{names(101)});
  for (uint64_t peer = 1; peer <= kMembers; ++peer) {
    ASSERT_EQ(heard_[peer].failures.size(), 1u) << peer;
    EXPECT_LT(heard_[peer].failures[0].size(), 200u) << "it names two, not all";
  }
  EXPECT_EQ(machine_.table_sizes().at("updates"), 0u);
}

TEST_F(ManyNames, WhoDiesWhenItIsAskedLeavesNoDifference) {
  ASSERT_NO_FATAL_FAILURE(begin(3));
  ask_update(1, names(3));
  ask_update(2, names(3));
  ask_update(3, names(4));
  EXPECT_THAT(asked(), ElementsAre(1, 3));
  members_.pop_back();
  say(3, wire::Leave{"enough"});
  say(1, wire::Positions{names(3)});
  EXPECT_THAT(heard_[1].updates, IsEmpty()) << "a settle round is open";
  report_all();
  for (const uint64_t peer : {1, 2}) {
    ASSERT_EQ(heard_[peer].updates.size(), 1u);
    EXPECT_TRUE(heard_[peer].updates[0].delta) << "a generation without the lost one";
  }
}

TEST_F(ManyNames, WhoRegistersAnewIsAskedAnew) {
  ASSERT_NO_FATAL_FAILURE(begin(3));
  ask_update(1, names(3));
  ask_update(2, names(3));
  ask_update(3, names(4));
  EXPECT_THAT(asked(), ElementsAre(1, 3));
  say(3, wire::Positions{names(4)});
  // The other one has lost the question with its session.
  machine_.on_disconnected(now_, {1}, "reset");
  absorb();
  machine_.on_connected(now_, {11}, "somewhere");
  wire::Register hello;
  hello.peer = info(heard_[1].id.value, "p1");
  hello.peer.session = {77, 1};
  heard_[11].id = heard_[1].id;
  members_[0] = 11;
  say(11, hello);
  ask_update(11, names(3));
  report_all();
  EXPECT_THAT(heard_[2].failures, IsEmpty());
  EXPECT_THAT(asked(), ElementsAre(1, 3, 11));
  say(11, wire::Positions{names(3)});
  EXPECT_THAT(heard_[2].failures,
              ElementsAre("the members stand at different calls in atollUpdate: group 0 tag 3: p1 "
                          "is before #0, p3 before #1"));
}

// It waits in the barrier while another waits for it in a call: whether that will come is known
// when it has told where it stands.
TEST_F(ManyNames, WhoWaitsInTheBarrierIsAskedWhereItStands) {
  ASSERT_NO_FATAL_FAILURE(begin(3));
  const CoordinatorStatus status = machine_.status();
  wire::OpWaiting waiting;
  waiting.op = {status.generation, 0, 7, 0};
  waiting.epoch = status.epoch;
  waiting.call.kind = wire::OpKind::kBarrier;
  waiting.missing = {heard_[2].id};
  say(1, waiting);
  ask_update(2, {{0, 7, 1}});
  EXPECT_THAT(asked(), ElementsAre(2));
  say(2, wire::Positions{{{0, 7, 1}}});
  EXPECT_EQ(std::count(heard_[1].messages.begin(), heard_[1].messages.end(), "op_verdict"), 0)
      << "it has made this call";
  waiting.op.tag = 8;
  say(1, waiting);
  EXPECT_THAT(asked(), ElementsAre(2)) << "once";
  EXPECT_EQ(std::count(heard_[1].messages.begin(), heard_[1].messages.end(), "op_verdict"), 1);
}

// The first one has not heard that calls have ended on all, and the others have forgotten them: it
// comes back in a new session, and reports them.
TEST_F(ManyNames, WhoComesBackIsToldWhatHasEndedOnAllByThoseWhoHaveForgotten) {
  ASSERT_NO_FATAL_FAILURE(begin(3));
  const CoordinatorStatus status = machine_.status();
  const OpId small{status.generation, 0, 7, 0};
  const OpId large{status.generation, 0, 8, 0};  // the coordinator remembers its verdict
  for (const uint64_t peer : {1, 2, 3}) say(peer, wire::OpDone{large, status.epoch, {}});
  const std::vector<wire::Watermark> marks{{status.generation, 0, 7, 1},
                                           {status.generation, 0, 8, 1}};
  for (const uint64_t peer : {1, 2, 3}) say(peer, wire::Ended{marks});
  ASSERT_EQ(machine_.table_sizes().at("marks"), 0u);
  machine_.on_disconnected(now_, {1}, "reset");
  absorb();
  machine_.on_connected(now_, {11}, "somewhere");
  wire::Register hello;
  hello.peer = info(heard_[1].id.value, "p1");
  hello.peer.session = {77, 1};
  say(11, hello);
  forget_heard();
  wire::SettleReport report{heard_[11].round, {}};
  for (const OpId& op : {small, large}) {
    wire::OpReport& item = report.ops.emplace_back();
    item.op = op;
    item.epoch = status.epoch;
    item.phase = wire::OpPhase::kCommitted;
    item.contributors = {heard_[1].id, heard_[2].id, heard_[3].id};
  }
  say(11, report);
  for (const uint64_t peer : {2, 3}) say(peer, wire::SettleReport{heard_[peer].round, {}});
  for (const uint64_t peer : {2, 3}) EXPECT_EQ(heard_[peer].verdicts, 2u);
  say(11, wire::Ended{marks});
  EXPECT_EQ(std::count(heard_[11].messages.begin(), heard_[11].messages.end(), "stable"), 0);
  for (const uint64_t peer : {2, 3}) say(peer, wire::Ended{marks});
  EXPECT_EQ(std::count(heard_[11].messages.begin(), heard_[11].messages.end(), "stable"), 1);
  EXPECT_EQ(machine_.table_sizes().at("marks"), 0u);
}

// 32 members, 200 tags in each generation, of which each loses a member and gets a new one: the
// lost one has told of some calls, and of others the survivors have.
TEST_F(ManyNames, HundredsOfGenerationsFillNoTable) {
  constexpr uint64_t kMembers = 32, kTags = 200, kGenerations = 220;
  ASSERT_NO_FATAL_FAILURE(begin(kMembers));
  uint64_t last = kMembers;
  size_t most = 0;
  for (uint64_t i = 0; i < kGenerations; ++i) {
    const Generation generation = machine_.status().generation;
    for (const uint64_t member : members_) {
      wire::Ended ended;
      const uint64_t tags = member == members_.back() ? kTags / 2 : kTags;
      for (uint64_t tag = 0; tag < tags; ++tag) ended.marks.push_back({generation, 0, tag, 1});
      say(member, std::move(ended));
      most = std::max(most, machine_.table_sizes().at("marks"));
    }
    say(members_.back(), wire::Leave{"enough"});
    members_.pop_back();
    report_all();
    ASSERT_EQ(machine_.table_sizes().at("marks"), 0u) << i;
    come(++last);
    say(last, wire::UpdateRequest{});
    for (const uint64_t member : members_) {
      if (member != last) ask_update(member, names(kTags));
    }
    beat();
    ASSERT_NE(machine_.status().generation, generation) << i;
    ASSERT_EQ(machine_.status().peers.size(), kMembers) << i << ": nobody was thrown out";
    forget_heard();
  }
  EXPECT_LE(most, kMembers * kTags);
}

}  // namespace
}  // namespace atoll_core::membership
