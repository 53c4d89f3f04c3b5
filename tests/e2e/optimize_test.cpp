// atollOptimizeTopology by real peers: what it measures over loopback changes nothing here, but it
// has to end, whoever dies, and leave a run that works.
#include "support/test_run.h"

namespace atoll_test {
namespace {

atollResult_t optimize(TestPeer& peer) { return atollOptimizeTopology(peer.comm(), nullptr); }

TEST(OptimizeTopologyTest, EndsOnAllAndTheRunGoesOn) {
  TestRun run({"alice", "bob", "carol"});
  for (int round = 0; round < 2; ++round) {
    const uint64_t before = run[0].attribute(atollAttributeBytesSent);
    expect_all(together(run.all(), optimize), atollSuccess);
    EXPECT_GT(run[0].attribute(atollAttributeBytesSent), before + (512u << 10));
    expect_update(run.all());
    expect_all_reduce(run.all());
  }
}

TEST(OptimizeTopologyTest, OfOnePeerAloneEndsAtOnce) {
  TestRun run({"alice"});
  expect_all(together(run.all(), optimize), atollSuccess);
}

TEST(OptimizeTopologyTest, PassesOverAMemberThatLeaves) {
  TestRun run({"alice", "bob", "carol"});
  const Peers rest = {&run[0], &run[1]};
  Calling leaving = run[2].calls([&] { return atollCommLeave(run[2].comm()); });
  expect_all(together(rest, optimize), atollSuccess);
  EXPECT_EQ(leaving.end().result, atollSuccess);
  expect_update(rest);
  EXPECT_EQ(run[0].view().world, 2u);
  expect_all_reduce(rest);
}

TEST(OptimizeTopologyTest, KeepsItsDeadline) {
  TestRun run({"alice", "bob"});
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.deadline_ms = 200;
  // bob never calls it.
  const Outcome outcome = outcome_of(atollOptimizeTopology(run[0].comm(), &options));
  EXPECT_EQ(outcome.result, atollTimeout) << outcome;
}

}  // namespace
}  // namespace atoll_test
