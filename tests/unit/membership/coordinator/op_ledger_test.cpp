#include "membership/coordinator/op_ledger.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/coordinator/sync_ledger.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

wire::CallDescription call(uint64_t count) {
  wire::CallDescription made;
  made.count = count;
  return made;
}

TEST(OpLedger, IsDoneWhenAllParticipantsAre) {
  OpLedger ledger;
  const std::vector<Participant> participants{participant(1, "a"), participant(2, "b")};
  OpRecord& record = *ledger.open(key(1, 0));
  record.done.insert({1});
  EXPECT_FALSE(all_done(record, participants));
  ledger.open(key(1, 0))->done.insert({2});
  EXPECT_TRUE(all_done(*ledger.find(key(1, 0)), participants));
  ledger.erase(key(1, 0));
  EXPECT_EQ(ledger.find(key(1, 0)), nullptr);
}

TEST(OpLedger, ForgetsWhatIsStableOfOneNameOnly) {
  const auto alone = [](uint32_t shard, uint64_t sequence) {
    OpKey name = key(2, sequence);
    name.scope = Scope::kShard;
    name.shard = shard;
    return name;
  };
  OpLedger ledger;
  for (const uint32_t shard : {0u, 1u, 2u}) {
    for (const uint64_t sequence : {0u, 1u, 2u}) ledger.open(alone(shard, sequence));
  }
  ledger.erase_below(alone(1, 2));
  for (const uint32_t shard : {0u, 1u, 2u}) {
    EXPECT_EQ(ledger.find(alone(shard, 0)) == nullptr, shard == 1);
    EXPECT_EQ(ledger.find(alone(shard, 1)) == nullptr, shard == 1);
    EXPECT_NE(ledger.find(alone(shard, 2)), nullptr);
  }
}

TEST(OpLedger, ErasesWhatIsStableOfOnePairOnly) {
  OpLedger ledger;
  const auto of_pair = [](uint32_t from, uint64_t sequence) {
    return OpKey{{epoch(1)}, Scope::kPair, "", 7, sequence, 0, pair_group({from, 9})};
  };
  for (const uint32_t from : {0u, 1u, 2u}) ledger.open(of_pair(from, 0));
  ledger.erase_below(of_pair(1, 1));
  for (const uint32_t from : {0u, 1u, 2u}) {
    EXPECT_EQ(ledger.find(of_pair(from, 0)) == nullptr, from == 1);
  }
}

TEST(OpLedger, FindsCallsThatDiffer) {
  OpRecord record;
  EXPECT_EQ(note_call(key(1, 0), record, {participant(2, "b"), call(5)}), std::nullopt);
  EXPECT_EQ(note_call(key(1, 0), record, {participant(3, "c"), call(5)}), std::nullopt);
  const auto what = note_call(key(1, 0), record, {participant(1, "a"), call(6)});
  ASSERT_TRUE(what);
  EXPECT_EQ(*what,
            "all-reduce tag 1 #0 differs between b (here) and a (there): count 5 here, 6 there");
}

TEST(OpLedger, OtherShardsMayCallSomethingElse) {
  OpRecord record;
  EXPECT_EQ(note_call(key(1, 0), record, {participant(1, "a0", 0), call(5)}), std::nullopt);
  EXPECT_EQ(note_call(key(1, 0), record, {participant(2, "a1", 1), call(6)}), std::nullopt);
  OpKey of_all = key(1, 0);
  of_all.scope = Scope::kAll;
  EXPECT_NE(note_call(of_all, record, {participant(2, "a1", 1), call(6)}), std::nullopt);
}

TEST(OpLedger, HoldsOnlySoManyOps) {
  OpLedger ledger(100);
  for (uint64_t sequence = 0; sequence < 100; ++sequence) {
    ASSERT_NE(ledger.open(key(1, sequence)), nullptr);
  }
  EXPECT_EQ(ledger.open(key(1, 100)), nullptr);
  EXPECT_NE(ledger.open(key(1, 99)), nullptr) << "one that is open already";
  ledger.erase(key(1, 0));
  EXPECT_NE(ledger.open(key(1, 100)), nullptr);
  EXPECT_EQ(OpLedger().ops_max(), limits::kOpenOps);
}

TEST(SyncLedger, HoldsOnlySoManySyncs) {
  SyncLedger ledger;
  for (uint64_t sequence = 0; sequence < limits::kOpenSyncs; ++sequence) {
    ASSERT_NE(ledger.open(key(1, sequence)), nullptr);
  }
  EXPECT_EQ(ledger.open(key(1, limits::kOpenSyncs)), nullptr);
  EXPECT_NE(ledger.open(key(1, 0)), nullptr) << "one that is open already";
}

}  // namespace
}  // namespace atoll_core::membership
