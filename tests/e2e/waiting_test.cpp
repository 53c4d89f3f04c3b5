// Calls whose counterparts do not come: deadlines, cancels, aborts and leaves end them, with the
// same outcome on all who called, the absent one named, and the input as it was.
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/test_run.h"

namespace atoll_test {
namespace {

constexpr size_t kCount = 100000;

struct InPlace {
  std::vector<float> input = random_values(5, kCount);
  std::vector<float> buffer = input;

  atollResult_t all_reduce(TestPeer& peer, uint32_t deadline_ms = 0) {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.deadline_ms = deadline_ms;
    return atollAllReduce(buffer.data(), buffer.data(), kCount, atollFloat32, atollSum,
                          peer.comm(), &options, nullptr);
  }
  atollRequest_t start(TestPeer& peer) {
    atollRequest_t request = nullptr;
    EXPECT_EQ(atollAllReduceAsync(buffer.data(), buffer.data(), kCount, atollFloat32, atollSum,
                                  peer.comm(), nullptr, &request),
              atollSuccess);
    return request;
  }
  bool intact() const { return buffer == input; }
};

// Counts the passes of a trace point.
struct Passes {
  std::string point;
  std::atomic<int> count{0};

  void watch(atollCommConfig_t& config) {
    config.trace = [](void* user, const char* passed) {
      auto* self = static_cast<Passes*>(user);
      if (self->point == passed) ++self->count;
    };
    config.trace_user = this;
  }
  bool wait_for(int passes) const {
    return wait_until([&] { return count >= passes; });
  }
};

TEST(WaitingTest, DeadlineNamesTheAbsent) {
  TestRun run({"alice", "bob", "carol"});
  std::array<InPlace, 3> data;
  const Peers callers = {&run[0], &run[1]};
  const auto outcomes = together(callers, [&](TestPeer& peer) {
    return data[peer.view().rank].all_reduce(peer, 300);
  });
  expect_all(outcomes, atollTimeout, {"carol", "all-reduce"});
  // One call, one outcome: who comes late hears how it ended.
  const Outcome late = run[2].calls([&] { return data[2].all_reduce(run[2]); }).end();
  EXPECT_EQ(late.result, atollTimeout) << late;
  for (const InPlace& one : data) EXPECT_TRUE(one.intact());
  expect_all_reduce(run.all());
}

TEST(WaitingTest, ArrivalTimeoutOfAllKindsOfCalls) {
  TestRun run({"alice", "bob"}, [](auto& config) { config.arrival_timeout_ms = 1500; });
  std::vector<float> values = random_values(2, 100);
  atollState_t state = nullptr;
  EXPECT_EQ(atollStateCreate(&state), atollSuccess);
  EXPECT_EQ(atollStateAddTensor(state, "values", values.data(), atollFloat32, 100), atollSuccess);
  using Call = std::function<atollResult_t(TestPeer&)>;
  const Call calls[] = {
      [](TestPeer& peer) { return atollBarrier(peer.comm(), nullptr); },
      [&](TestPeer& peer) {
        return atollBroadcast(values.data(), values.data(), 100, atollFloat32,
                              peer.attribute(atollAttributePeer), peer.comm(), nullptr, nullptr);
      },
      [&](TestPeer& peer) { return atollSyncState(peer.comm(), state, nullptr, nullptr); }};
  for (const Call& call : calls) {
    const Outcome waited = run[0].calls([&] { return call(run[0]); }).end();
    EXPECT_EQ(waited.result, atollTimeout) << waited;
    EXPECT_TRUE(waited.names("bob")) << waited;
    // The recorded end, whatever the late one calls.
    const Outcome late = run[1].calls([&] { return atollBarrier(run[1].comm(), nullptr); }).end();
    EXPECT_EQ(late.result, atollTimeout) << late;
  }
  EXPECT_EQ(values, random_values(2, 100));
  expect_all_reduce(run.all());
  EXPECT_EQ(atollStateDestroy(state), atollSuccess);
}

TEST(WaitingTest, UpdateThatTimesOutGoesOnWhenCalledAgain) {
  TestRun run({"alice", "bob"}, [](auto& config) { config.update_timeout_ms = 300; });
  const Outcome alone = run[0].calls([&] { return run[0].update().result; }).end();
  EXPECT_EQ(alone.result, atollTimeout) << alone;
  EXPECT_TRUE(alone.names("alice")) << alone;
  expect_update(run.all());
  expect_all_reduce(run.all());
}

TEST(WaitingTest, CancelEndsTheCallOnAll) {
  TestRun run({"alice", "bob", "carol"});
  std::array<InPlace, 3> data;
  atollRequest_t alice = data[0].start(run[0]);
  atollRequest_t bob = data[1].start(run[1]);
  EXPECT_EQ(atollTest(alice, nullptr), atollInProgress);
  EXPECT_EQ(atollCancel(alice), atollSuccess);
  for (const atollRequest_t request : {alice, bob}) {
    const Outcome outcome = run[0].calls([&] { return atollWait(request, nullptr); }).end();
    EXPECT_EQ(outcome.result, atollCancelled) << outcome;
    EXPECT_TRUE(outcome.names("alice")) << outcome;
  }
  EXPECT_EQ(data[2].all_reduce(run[2]), atollCancelled);
  for (const InPlace& one : data) EXPECT_TRUE(one.intact());
  expect_all_reduce(run.all());
}

TEST(WaitingTest, TestReportsTheEndOnce) {
  TestRun run({"alice", "bob"});
  std::array<InPlace, 2> data;
  std::array<atollRequest_t, 2> requests = {data[0].start(run[0]), data[1].start(run[1])};
  for (const atollRequest_t request : requests) {
    atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
    atollResult_t result = atollInProgress;
    EXPECT_TRUE(wait_until([&] {
      result = atollTest(request, &info);
      return result != atollInProgress;
    }));
    EXPECT_EQ(result, atollSuccess);
    EXPECT_EQ(info.contributors, 2u);
  }
  EXPECT_EQ(data[0].buffer, data[1].buffer);
  EXPECT_FALSE(data[0].intact());
}

TEST(WaitingTest, AbortEndsAWaitingCallAndTheOthersGoOn) {
  Passes began{"op.begin"};
  TestRun run({"alice"}, [&](auto& config) { began.watch(config); });
  TestPeer& bob = run.add("bob");
  TestPeer& carol = run.add("carol");
  TestRun::admit(bob, {&run[0]});
  TestRun::admit(carol, {&run[0], &bob});
  InPlace waits;
  Calling waiting = run[0].calls([&] { return waits.all_reduce(run[0]); });
  ASSERT_TRUE(began.wait_for(1));
  EXPECT_EQ(atollCommAbort(run[0].comm()), atollSuccess);
  const Outcome outcome = waiting.end();
  EXPECT_EQ(outcome.result, atollCancelled) << outcome;
  EXPECT_TRUE(waits.intact());
  expect_all_reduce({&bob, &carol}, kCount);
  EXPECT_EQ(run[0].update().result, atollNotConnected);
}

TEST(WaitingTest, AbortEndsAWaitingUpdate) {
  Passes asked{"update.request"};
  TestRun run({"alice"}, [&](auto& config) { asked.watch(config); });
  TestPeer& bob = run.add("bob");
  TestRun::admit(bob, {&run[0]});
  const int before = asked.count;
  Calling waiting = run[0].calls([&] { return run[0].update().result; });
  ASSERT_TRUE(asked.wait_for(before + 1));
  EXPECT_EQ(atollCommAbort(run[0].comm()), atollSuccess);
  const Outcome outcome = waiting.end();
  EXPECT_EQ(outcome.result, atollCancelled) << outcome;
  EXPECT_TRUE(wait_until([&] {
    EXPECT_EQ(bob.update().result, atollSuccess);
    return bob.view().world == 1;
  }));
  expect_all_reduce({&bob});
}

TEST(WaitingTest, NothingWorksAfterLeaving) {
  TestRun run({"alice", "bob"});
  EXPECT_EQ(atollCommLeave(run[0].comm()), atollSuccess);
  InPlace data;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  uint64_t value = 0;
  std::vector<Outcome> outcomes = {
      outcome_of(data.all_reduce(run[0])), outcome_of(atollBarrier(run[0].comm(), nullptr)),
      run[0].update(), outcome_of(atollGetView(run[0].comm(), &view)),
      outcome_of(atollGetAttribute(run[0].comm(), atollAttributeWorld, &value)),
      outcome_of(atollCommLeave(run[0].comm())), outcome_of(atollCommAbort(run[0].comm()))};
  expect_all(outcomes, atollNotConnected, {"atollComm"});
  EXPECT_TRUE(data.intact());
  expect_all_reduce({&run[1]}, kCount);
}

TEST(WaitingTest, LostCoordinatorEndsCallsAndIsToldAgain) {
  auto coordinator = std::make_unique<CoordinatorThread>(2);
  const auto quick = [](auto& config) {
    config.coordinator_timeout_ms = 500;
    config.connect_timeout_ms = 500;
  };
  TestPeer alice(coordinator->address(), "alice", quick);
  TestPeer bob(coordinator->address(), "bob", quick);
  for (TestPeer* peer : {&alice, &bob}) EXPECT_EQ(peer->connect().result, atollSuccess);
  expect_update({&alice, &bob});
  InPlace data;
  Calling reducing = alice.calls([&] { return data.all_reduce(alice); });
  Calling updating = bob.calls([&] { return bob.update().result; });
  coordinator.reset();
  const Outcome reduced = reducing.end();
  EXPECT_EQ(reduced.result, atollOutcomeUnknown) << reduced;
  EXPECT_TRUE(data.intact());
  const Outcome updated = updating.end();
  EXPECT_EQ(updated.result, atollCoordinatorUnreachable) << updated;
  for (TestPeer* peer : {&alice, &bob}) {
    const std::vector<Outcome> later = {peer->update(),
                                        outcome_of(atollBarrier(peer->comm(), nullptr)),
                                        peer->connect()};
    expect_all(later, atollCoordinatorUnreachable, {"500 ms"});
  }
}

// The one that leaves takes a call of the others with it only as one contributor less.
TEST(WaitingTest, LeaveInTheMiddleOfACall) {
  Passes began{"op.begin"};
  TestRun run({"alice"}, [&](auto& config) { began.watch(config); });
  TestPeer& bob = run.add("bob");
  TestPeer& carol = run.add("carol");
  TestRun::admit(bob, {&run[0]});
  TestRun::admit(carol, {&run[0], &bob});
  Calling reducing = run[0].calls([&] {
    expect_all_reduce({&run[0], &bob}, kCount);
    return atollSuccess;
  });
  ASSERT_TRUE(began.wait_for(1));
  EXPECT_EQ(atollCommLeave(carol.comm()), atollSuccess);
  EXPECT_EQ(reducing.end().result, atollSuccess);
  expect_update({&run[0], &bob});
  EXPECT_EQ(bob.view().world, 2u);
  EXPECT_EQ(bob.view().lost, 1u);
}

TEST(WaitingTest, NoRetryEndsWithPeerLostOnAllSurvivors) {
  Passes began{"op.begin"};
  TestRun run({"alice"}, [&](auto& config) { began.watch(config); });
  TestPeer& bob = run.add("bob");
  TestPeer& carol = run.add("carol");
  TestRun::admit(bob, {&run[0]});
  TestRun::admit(carol, {&run[0], &bob});
  std::array<InPlace, 3> data;
  const auto call = [&](TestPeer& peer) {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.retry = atollNoRetry;
    float* buffer = data[peer.view().rank].buffer.data();
    return atollAllReduce(buffer, buffer, kCount, atollFloat32, atollSum, peer.comm(), &options,
                          nullptr);
  };
  std::array<Calling, 2> calling = {run[0].calls([&] { return call(run[0]); }),
                                    bob.calls([&] { return call(bob); })};
  ASSERT_TRUE(began.wait_for(1));
  EXPECT_EQ(atollCommLeave(carol.comm()), atollSuccess);
  std::vector<Outcome> outcomes;
  for (Calling& one : calling) outcomes.push_back(one.end());
  expect_all(outcomes, atollPeerLost, {"carol"});
  for (const InPlace& one : data) EXPECT_TRUE(one.intact());
  expect_all_reduce({&run[0], &bob});
}

}  // namespace
}  // namespace atoll_test
