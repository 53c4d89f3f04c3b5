#include "membership/coordinator/roster.h"

#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/limits.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

constexpr TimePoint kNow{std::chrono::seconds(3)};
constexpr Duration kTimeout = std::chrono::seconds(5);

PeerRecord record(uint64_t id, const std::string& name) {
  PeerRecord made;
  made.info = info(id, name);
  made.connection = {100 + id};
  return made;
}

TEST(Roster, FindsARecordByIdSessionAndConnection) {
  Roster roster;
  roster.add(record(1, "a"));
  roster.add(record(2, "b"));
  EXPECT_EQ(roster.find(PeerId{2})->info.name, "b");
  EXPECT_EQ(roster.find(SessionId{77, 1})->info.name, "a");
  EXPECT_EQ(roster.find(ConnectionId{102})->info.name, "b");
  roster.erase({2});
  EXPECT_EQ(roster.find(PeerId{2}), nullptr);
  EXPECT_EQ(roster.find(SessionId{77, 2}), nullptr);
  EXPECT_EQ(roster.find(ConnectionId{102}), nullptr);
  EXPECT_EQ(roster.size(), 1u);
}

TEST(Roster, TakesNobodyTwice) {
  Roster roster;
  roster.add(record(1, "a"));
  PeerRecord same_session = record(2, "b");
  same_session.info.session = {77, 1};
  EXPECT_THROW(roster.add(same_session), BrokenInvariant);
}

TEST(Roster, ASuspectHasNoConnectionUntilItIsBack) {
  Roster roster;
  roster.add(record(1, "a"));
  EXPECT_THROW(roster.mark_suspect({1}, kNow, "pending"), BrokenInvariant);
  roster.mark_member({1});
  roster.find(PeerId{1})->heartbeat_heard = 9;
  roster.mark_suspect({1}, kNow, "reset");
  EXPECT_EQ(roster.find(ConnectionId{101}), nullptr);
  EXPECT_FALSE(roster.find(PeerId{1})->connected());
  EXPECT_TRUE(roster.find(PeerId{1})->in_view());
  roster.attach({1}, {200}, "elsewhere", kNow);
  const PeerRecord* back = roster.find(ConnectionId{200});
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->standing, Standing::kMember);
  EXPECT_TRUE(back->view_unknown);
  EXPECT_EQ(back->heartbeat_heard, 0u) << "what it echoed before proves nothing now";
}

TEST(Roster, APlaceIsHeldByWhoIsConnected) {
  Roster roster;
  roster.add(record(1, "a"));
  EXPECT_EQ(roster.holder("r-a", 0, kNow, kTimeout)->info.name, "a");
  EXPECT_EQ(roster.holder("r-a", 1, kNow, kTimeout), nullptr);
  EXPECT_EQ(roster.holder("r-a", 0, kNow + kTimeout, kTimeout), nullptr) << "it is silent";
  roster.mark_member({1});
  roster.mark_suspect({1}, kNow, "reset");
  EXPECT_EQ(roster.holder("r-a", 0, kNow, kTimeout), nullptr);
}

// What is kept for peers that have not heard it, of all of them together.
TEST(Roster, SessionsShareWhatTheyMayKeep) {
  const auto note = [](PeerRecord& peer, size_t verdicts) {
    wire::Settled settled;
    settled.verdicts.resize(verdicts);
    peer.session.note_sent(settled);
  };
  Roster roster;
  PeerRecord& first = roster.add(record(1, "a"));
  note(first, 3000);
  EXPECT_EQ(first.session.kept(), 1u);
  EXPECT_GT(first.session.bytes(), limits::kSessionBytes / 2);
  for (uint64_t peer = 2; peer <= 300; ++peer) roster.add(record(peer, std::to_string(peer)));
  EXPECT_EQ(first.session.kept(), 1u) << "so much each of them may keep";
  for (uint64_t peer = 301; peer <= limits::kPeers; ++peer) {
    note(roster.add(record(peer, std::to_string(peer))), 100);
  }
  EXPECT_EQ(first.session.kept(), 0u);
  size_t kept = 0;
  for (auto& [id, peer] : roster.records()) {
    note(peer, 150);
    kept += peer.session.bytes();
  }
  EXPECT_GT(kept, limits::kSessionBytesInAll / 2);
  EXPECT_LE(kept, limits::kSessionBytesInAll);
  note(first, 2 * limits::kSessionBytesLeast / 256);
  EXPECT_EQ(first.session.kept(), 0u) << "one that needs more is not resumed";
}

TEST(Departures, KeepsTheLastReasons) {
  Departures departures;
  for (uint64_t peer = 0; peer <= Departures::kDeparturesKept; ++peer) {
    departures.add({1, peer}, "reason " + std::to_string(peer));
  }
  EXPECT_EQ(departures.find({1, 0}), nullptr);
  ASSERT_NE(departures.find({1, 1}), nullptr);
  EXPECT_EQ(*departures.find({1, 1}), "reason 1");
}

}  // namespace
}  // namespace atoll_core::membership
