// Calls whose blocks have different sizes, and all-to-alls.
#include <gtest/gtest.h>

#include <string>

#include "collective/all_to_all.h"
#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using wire::OpKind;

using Counts = std::vector<uint64_t>;

constexpr OpKind kKinds[] = {OpKind::kReduceScatter, OpKind::kAllGather, OpKind::kGather,
                             OpKind::kScatter, OpKind::kAllToAll};

PlannedCall uneven(SmallRun& run, OpKind kind, Counts counts, size_t root = 0) {
  PlannedCall plan = run.of_kind(kind, 0, root);
  plan.counts = std::move(counts);
  return plan;
}

class UnevenOfEachKind : public ::testing::TestWithParam<OpKind> {};
INSTANTIATE_TEST_SUITE_P(Uneven, UnevenOfEachKind, ::testing::ValuesIn(kKinds));

TEST_P(UnevenOfEachKind, ByValueInWorldsAndMixesOfAllSorts) {
  const Counts mixes[] = {{0, 0},          {0, 1},           {1, 0, 0},       {3, 0, 1009},
                          {257, 4099, 0},  {0, 0, 0, 0, 1},  {7919, 1},       {20'011, 0, 3},
                          {0, 100'003, 1}, {300'007, 2, 0},  {65'537, 32'771}};
  for (uint32_t peers = 1; peers <= 5; ++peers) {
    SmallRun run(peers);
    for (const Counts& mix : mixes) {
      for (const bool in_place : {false, true}) {
        PlannedCall plan = uneven(run, GetParam(), mix, mix.front() % peers);
        plan.in_place = in_place && GetParam() != OpKind::kAllToAll;
        plan.salt = mix.back() + peers;
        SCOPED_TRACE(testing::Message() << peers << " peers, " << mix[0] << ", " << mix[1]);
        const std::vector<Call> calls = run.on_all(plan);
        run.finish(calls);
        run.expect_committed(calls);
      }
    }
  }
}

TEST_P(UnevenOfEachKind, GoesOnWithoutOneThatDiesAtAnyMoment) {
  int without = 0;
  for (const bool large : {false, true}) {
    for (uint64_t moment = 1; moment <= 60; ++moment) {
      SCOPED_TRACE(testing::Message() << (large ? "large" : "small") << ", moment " << moment);
      SmallRun run(4, [moment](WorldConfig& config) { config.seed = moment; });
      PlannedCall plan = uneven(run, GetParam(),
                                large ? Counts{0, 300'007, 65'537, 9} : Counts{31, 0, 501, 2}, 1);
      plan.in_place = moment % 2 == 0 && GetParam() != OpKind::kAllToAll;
      uint64_t left = moment * (large ? 4 : 1);
      run.world().on_trace([&](ProcessId process, const char*) {
        if (process == run.process(2) && left > 0 && --left == 0) run.world().kill_soon(process);
      });
      const std::vector<Call> calls = run.on_all(plan);
      run.finish(calls);
      run.expect_committed(calls);
      if (run.living() < 4 && calls[0].info().contributors.size() == 3) ++without;
    }
  }
  EXPECT_GT(without, 0);
}

// Who has nothing to send is still waited for: its arguments may be others.
TEST_P(UnevenOfEachKind, NobodyReturnsBeforeAllHaveCalled) {
  SmallRun run(3);
  for (const Counts& mix : {Counts{5, 0, 5}, Counts{0, 0, 0}, Counts{90'001, 0, 90'001}}) {
    const PlannedCall plan = uneven(run, GetParam(), mix);
    std::vector<Call> calls{run.collective(run.process(0), plan),
                            run.collective(run.process(2), plan)};
    run.world().run_for(milliseconds(1500));
    for (const Call& call : calls) EXPECT_FALSE(call.ended());
    calls.push_back(run.collective(run.process(1), plan));
    run.finish(calls);
    run.expect_committed(calls);
  }
}

TEST_P(UnevenOfEachKind, WithoutARetryADeathEndsItForAllSurvivors) {
  if (GetParam() == OpKind::kScatter) GTEST_SKIP() << "the survivors have all that they get";
  SmallRun run(3);
  PlannedCall plan = uneven(run, GetParam(), {3, 200'003, 1}, 0);
  plan.options.retry = false;
  const std::vector<Call> calls{run.collective(run.process(0), plan),
                                run.collective(run.process(1), plan)};
  run.world().run_for(milliseconds(20));
  run.world().kill(run.process(2));
  run.finish(calls);
  run.expect_failed(calls, ErrorCode::kPeerLost);
}

TEST(Uneven, ADifferentCountIsAMismatchThatNamesTheBlockAndBothCounts) {
  for (const OpKind kind : {OpKind::kReduceScatter, OpKind::kAllGather, OpKind::kGather,
                            OpKind::kScatter}) {
    for (const uint64_t block : {uint64_t{40}, uint64_t{100'003}}) {
      for (size_t other = 0; other < 3; ++other) {
        SmallRun run(3);
        const PlannedCall most = uneven(run, kind, {7, block, 3});
        const PlannedCall one = uneven(run, kind, {7, block + 2, 1});  // as many in all
        std::vector<Call> calls;
        for (size_t i = 0; i < 3; ++i) {
          calls.push_back(run.collective(run.process(i), i == other ? one : most));
        }
        run.finish(calls);
        run.expect_failed(calls, ErrorCode::kMismatch);
        const std::string counts[] = {
            fmt::format("block 1 has {} elements here, {} there", block, block + 2),
            fmt::format("block 1 has {} elements here, {} there", block + 2, block)};
        for (const Call& call : calls) {
          const bool named = call.sentence().find(counts[0]) != std::string::npos ||
                             call.sentence().find(counts[1]) != std::string::npos;
          EXPECT_TRUE(named) << wire::to_string(kind) << ": " << call.sentence();
          EXPECT_NE(call.sentence().find(fmt::format("island-{}", other)), std::string::npos)
              << call.sentence();
        }
      }
    }
  }
}

// Nobody sends anything, so that only the coordinator can see it.
TEST(Uneven, ADifferenceThatNoDataShowsIsNamedToo) {
  SmallRun run(3);
  // The root has all there is.
  const PlannedCall plan = uneven(run, OpKind::kGather, {200'003, 0, 0});
  const PlannedCall other = uneven(run, OpKind::kGather, {200'007, 0, 0});
  const std::vector<Call> calls{run.collective(run.process(0), plan),
                                run.collective(run.process(1), plan),
                                run.collective(run.process(2), other)};
  run.finish(calls);
  run.expect_failed(calls, ErrorCode::kMismatch);
  for (const Call& call : calls) {
    EXPECT_NE(call.sentence().find("block 0 has 200003 elements here, 200007 there"),
              std::string::npos) << call.sentence();
    EXPECT_NE(call.sentence().find("island-2"), std::string::npos) << call.sentence();
  }
}

// ---- all-to-alls -------------------------------------------------------------------------------

// Of memory that is there for all calls: what peer `own` of three sends and expects.
engine::CollectiveCall crossing(SmallRun& run, size_t own, const Counts& sent,
                                const Counts& received, std::vector<float>& memory) {
  engine::CollectiveCall call;
  call.kind = OpKind::kAllToAll;
  for (size_t i = 0; i < run.processes().size(); ++i) call.owners.push_back(run.peer(i));
  call.counts = received;
  call.counts_sent = sent;
  memory.resize(1u << 20);
  auto* bytes = reinterpret_cast<std::byte*>(memory.data());
  for (const uint64_t count : received) {
    call.tensors.push_back({nullptr, bytes, count});
    bytes += count * sizeof(float);
  }
  for (size_t i = 0; i < sent.size(); ++i) {
    if (i == own) call.tensors[i].source = bytes;
    else call.tensors.push_back({bytes, nullptr, sent[i]});
    bytes += sent[i] * sizeof(float);
  }
  return call;
}

TEST(AllToAll, ACountThatTheOtherEndDoesNotHaveIsNamedOnBoth) {
  constexpr uint64_t kPairs[][2] = {{5, 7}, {0, 3}, {4, 0}, {100'003, 100'004}, {0, 200'000}};
  for (const auto& [sent, expected] : kPairs) {
    SmallRun run(3);
    Counts sends[3] = {{2, sent, 2}, {2, 2, 2}, {2, 2, 2}};
    Counts receives[3] = {{2, 2, 2}, {expected, 2, 2}, {2, 2, 2}};
    std::vector<float> memory[3];
    std::vector<Call> calls;
    for (size_t i = 0; i < 3; ++i) {
      calls.push_back(run.collective(run.process(i),
                                     crossing(run, i, sends[i], receives[i], memory[i])));
    }
    run.finish(calls);
    const std::string text =
        fmt::format("island-0 sends {} elements to island-1 in all-to-all tag 0 #0, which expects "
                    "{}", sent, expected);
    for (const Call& call : calls) {
      EXPECT_EQ(error_name(call.code()), error_name(ErrorCode::kMismatch));
      EXPECT_NE(call.sentence().find(text), std::string::npos) << call.sentence();
    }
  }
}

// The one that differs is not there any more: its counts are nobody's matter.
TEST(AllToAll, GoesOnWithoutOneWhoseCountsDiffered) {
  SmallRun run(3);
  std::vector<float> memory[3];
  const auto one = crossing(run, 0, {1, 2, 9}, {1, 2, 9}, memory[0]);
  const auto other = crossing(run, 1, {2, 1, 5}, {2, 1, 5}, memory[1]);
  std::vector<Call> calls{run.collective(run.process(0), one)};
  run.world().kill(run.process(2));
  calls.push_back(run.collective(run.process(1), other));
  run.finish(calls);
  for (const Call& call : calls) {
    ASSERT_TRUE(call.committed()) << call.sentence();
    EXPECT_EQ(call.info().contributors.size(), 2u);
    EXPECT_EQ(call.info().ranges.back().end, call.process == run.process(0) ? 12u : 8u);
  }
}

TEST(AllToAll, OfManyPeersByValue) {
  SmallRun run(32);
  for (const Counts& mix : {Counts{1}, Counts{0, 1, 7}, Counts{3001, 0, 17, 5003}}) {
    PlannedCall plan = uneven(run, OpKind::kAllToAll, mix);
    const std::vector<Call> calls = run.on_all(plan);
    run.finish(calls);
    run.expect_committed(calls);
    for (const Call& call : calls) EXPECT_EQ(call.info().contributors.size(), 32u);
  }
}

// Straight from one to the other: nobody sends more than its own blocks.
TEST(AllToAll, MovesNoByteTwice) {
  SmallRun run(5);
  const PlannedCall plan = uneven(run, OpKind::kAllToAll, {50'021, 0, 70'001});
  const std::vector<Call> calls = run.on_all(plan);
  run.finish(calls);
  run.expect_committed(calls);
  for (const Call& call : calls) {
    uint64_t sent = 0;
    uint64_t received = 0;
    const engine::CollectiveCall arguments = call.memory->arguments();
    for (size_t i = 0; i < 5; ++i) {
      if (run.process(i) == call.process) continue;
      sent += arguments.counts_sent[i] * sizeof(float);
      received += arguments.counts[i] * sizeof(float);
    }
    EXPECT_EQ(call.info().bytes_sent, sent);
    EXPECT_EQ(call.info().bytes_received, received);
  }
}

}  // namespace
}  // namespace atoll_core::simulate
