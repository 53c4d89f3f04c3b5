#include "crypto/pair_tickets.h"

#include <set>

#include <gtest/gtest.h>

namespace atoll_core::crypto {
namespace {

TEST(PairTickets, AreTheSameForBothAndStay) {
  const PairTickets tickets;
  const Ticket ticket = tickets.of({7}, {9});
  EXPECT_EQ(tickets.of({9}, {7}), ticket);
  EXPECT_NE(tickets.of({7}, {8}), ticket);
  EXPECT_EQ(tickets.of({7}, {9}), ticket);
}

TEST(PairTickets, DifferForEachPairAndAreNeverZero) {
  const PairTickets tickets;
  std::set<Ticket> seen;
  size_t pairs = 0;
  for (uint64_t one = 1; one <= 60; ++one) {
    for (uint64_t other = one + 1; other <= 60; ++other, ++pairs) {
      const Ticket ticket = tickets.of({one << 32 | 5}, {other});
      EXPECT_NE(ticket, Ticket{});
      seen.insert(ticket);
    }
  }
  EXPECT_EQ(seen.size(), pairs);
}

TEST(PairTickets, DifferFromThoseOfAnotherKey) {
  EXPECT_NE(PairTickets().of({1}, {2}), PairTickets().of({1}, {2}));
}

}  // namespace
}  // namespace atoll_core::crypto
