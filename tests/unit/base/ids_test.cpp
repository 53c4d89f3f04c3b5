#include "base/ids.h"

#include <unordered_set>

#include <gtest/gtest.h>

namespace atoll_core {
namespace {

constexpr Incarnation kSecondLife{2, 0xABCD};
constexpr Epoch kEpoch{kSecondLife, 17};
constexpr OpId kOp{{Epoch{kSecondLife, 9}}, 3, 7, 42};

TEST(Ids, PrintForPeople) {
  EXPECT_EQ(to_string(kSecondLife), "2~0000abcd");
  EXPECT_EQ(to_string(PeerId{(2ull << 32) | 5}), "2.5");
  EXPECT_EQ(to_string(SessionId{0x0123456789ABCDEF, 0xFF}), "0123456789abcdef00000000000000ff");
  EXPECT_EQ(to_string(kEpoch), "2.17");
  EXPECT_EQ(to_string(Generation{kEpoch}), "g2.17");
  EXPECT_EQ(to_string(kOp), "g2.9 group 3 tag 7 #42");
  EXPECT_EQ(to_string(AttemptId{kOp, kEpoch}), "g2.9 group 3 tag 7 #42 @2.17");
}

TEST(Ids, SpecialGroupsPrintAsWords) {
  OpId op = kOp;
  op.group = kGroupAll;
  EXPECT_EQ(to_string(op), "g2.9 group all tag 7 #42");
  op.group = kGroupReplica;
  EXPECT_EQ(to_string(op), "g2.9 group replica tag 7 #42");
}

TEST(Ids, EpochsOrderByIncarnationFirst) {
  EXPECT_LT((Epoch{{1, 9}, 100}), (Epoch{{2, 0}, 1}));
  EXPECT_LT((Epoch{{1, 1}, 100}), (Epoch{{1, 2}, 1}));
  EXPECT_LT((Epoch{{1, 1}, 1}), (Epoch{{1, 1}, 2}));
}

TEST(Ids, EveryPartOfAnAttemptTellsItApart) {
  const AttemptId attempt{kOp, kEpoch};
  AttemptId other = attempt;
  EXPECT_EQ(other, attempt);
  other.op.generation.first.number++;
  EXPECT_NE(other, attempt);
  other = attempt;
  other.op.group++;
  EXPECT_NE(other, attempt);
  other = attempt;
  other.op.tag++;
  EXPECT_NE(other, attempt);
  other = attempt;
  other.op.sequence++;
  EXPECT_NE(other, attempt);
  other = attempt;
  other.epoch.incarnation.nonce++;
  EXPECT_NE(other, attempt);
}

TEST(Ids, NobodyIsFalse) {
  EXPECT_FALSE(PeerId{});
  EXPECT_TRUE(PeerId{1});
}

TEST(Ids, PeersHash) {
  std::unordered_set<PeerId> peers;
  for (uint64_t i = 0; i < 100; ++i) peers.insert(PeerId{i % 50});
  EXPECT_EQ(peers.size(), 50u);
}

}  // namespace
}  // namespace atoll_core
