// Peers that call with different arguments, or in different order, are told so by an error that
// names the peers and the difference, and the run goes on.
#include <array>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/test_run.h"

namespace atoll_test {
namespace {

// What one peer of three calls, with buffers of its own.
struct Buffers {
  std::vector<float> in = random_values(11, 1000);
  std::vector<float> out = std::vector<float>(1000);
};
using Call = std::function<atollResult_t(TestPeer& peer, Buffers& buffers)>;

atollResult_t all_reduce(TestPeer& peer, Buffers& buffers, uint64_t count,
                         atollDataType_t type = atollFloat32, atollRedOp_t op = atollSum,
                         const atollOpOptions_t* options = nullptr) {
  return atollAllReduce(buffers.in.data(), buffers.out.data(), count, type, op, peer.comm(),
                        options, nullptr);
}

atollResult_t plain(TestPeer& peer, Buffers& buffers) { return all_reduce(peer, buffers, 1000); }

atollResult_t broadcast_from(uint32_t rank, TestPeer& peer, Buffers& buffers) {
  uint64_t root = 0;
  const atollResult_t found = atollGetPeerAt(peer.comm(), rank, &root);
  if (found != atollSuccess) return found;
  return atollBroadcast(buffers.in.data(), buffers.out.data(), 1000, atollFloat32, root,
                        peer.comm(), nullptr, nullptr);
}

atollResult_t batch(TestPeer& peer, Buffers& buffers, uint64_t first_count) {
  const std::array<atollTensor_t, 2> tensors = {
      {{buffers.in.data(), buffers.out.data(), first_count},
       {buffers.in.data() + first_count, buffers.out.data() + first_count, 300 - first_count}}};
  return atollAllReduceBatch(tensors.data(), 2, atollFloat32, atollSum, peer.comm(), nullptr,
                             nullptr);
}

atollResult_t sync_one(TestPeer& peer, Buffers& buffers) {
  atollState_t state = nullptr;
  atollResult_t result = atollStateCreate(&state);
  if (result == atollSuccess) {
    result = atollStateAddTensor(state, "weights", buffers.out.data(), atollFloat32, 1000);
  }
  if (result == atollSuccess) result = atollSyncState(peer.comm(), state, nullptr, nullptr);
  // The sentence of the sync stays that of the last error: this succeeds.
  atollStateDestroy(state);
  return result;
}

struct Difference {
  std::string name;
  Call usual;
  Call odd;                        // of carol
  std::vector<std::string> words;  // of the sentence, besides the names
};

void PrintTo(const Difference& difference, std::ostream* out) { *out << difference.name; }

std::vector<Difference> differences() {
  const auto with = [](auto change) {
    return [change](TestPeer& peer, Buffers& buffers) {
      atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
      change(options);
      return all_reduce(peer, buffers, 1000, atollFloat32, atollSum, &options);
    };
  };
  const auto broadcast = [](uint32_t rank) {
    return [rank](TestPeer& peer, Buffers& buffers) { return broadcast_from(rank, peer, buffers); };
  };
  const auto split = [](uint64_t first) {
    return [first](TestPeer& peer, Buffers& buffers) { return batch(peer, buffers, first); };
  };
  const auto count = [](uint64_t elements) {
    return [elements](auto& peer, auto& buffers) { return all_reduce(peer, buffers, elements); };
  };
  const auto barrier = [](auto& peer, auto&) { return atollBarrier(peer.comm(), nullptr); };
  const auto typed = [](atollDataType_t type, atollRedOp_t op) {
    return [type, op](auto& peer, auto& buffers) {
      return all_reduce(peer, buffers, 1000, type, op);
    };
  };
  return {
      {"Count", count(1000), count(999), {"count", "1000", "999"}},
      {"NoElements", count(1000), count(0), {"count", "1000", "0"}},
      {"Type", plain, typed(atollInt32, atollSum), {"type", "float32", "int32"}},
      {"Operator", plain, typed(atollFloat32, atollMax), {"sum", "max"}},
      {"KindBarrier", plain, barrier, {"all-reduce", "barrier"}},
      {"KindBroadcast", plain, broadcast(1), {"all-reduce", "broadcast"}},
      {"KindSync", plain, sync_one, {"all-reduce", "state-sync"}},
      {"Root", broadcast(0), broadcast(1), {"root"}},
      {"BatchLayout", split(100), split(200), {"counts", "tensors"}},
      {"BatchOrNot", split(300), count(300), {"tensors 2"}},
      {"Retry", plain, with([](auto& options) { options.retry = atollNoRetry; }), {"retry"}},
      {"Algorithm", plain,
       with([](auto& options) { options.algorithm = atollAlgorithmRing; }), {"algorithm"}},
  };
}

class MismatchTest : public testing::TestWithParam<Difference> {};

TEST_P(MismatchTest, IsNamedOnAllAndTheRunGoesOn) {
  TestRun run({"alice", "bob", "carol"});
  std::array<Buffers, 3> buffers;
  const Buffers untouched;
  const auto outcomes = together(run.all(), [&](TestPeer& peer) {
    const bool odd = peer.name() == "carol";
    Buffers& own = buffers[peer.view().rank];
    return odd ? GetParam().odd(peer, own) : GetParam().usual(peer, own);
  });
  expect_all(outcomes, atollMismatch, GetParam().words);
  // One of the others is named; which of the two is up to who was heard first.
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.names("carol")) << outcome;
    EXPECT_TRUE(outcome.names("alice") || outcome.names("bob")) << outcome;
  }
  for (const Buffers& own : buffers) EXPECT_EQ(own.in, untouched.in);
  expect_all_reduce(run.all());
  expect_update(run.all());
  expect_all_reduce(run.all());
}

INSTANTIATE_TEST_SUITE_P(Differences, MismatchTest, testing::ValuesIn(differences()),
                         [](const auto& tested) { return tested.param.name; });

// In place there is only one copy of the input; it is as it was.
TEST(CallOrderTest, InPlaceInputIsIntactAfterAMismatch) {
  TestRun run({"alice", "bob"});
  const std::vector<float> input = random_values(3, 200000);
  std::array<std::vector<float>, 2> buffers = {input, input};
  const auto outcomes = together(run.all(), [&](TestPeer& peer) {
    std::vector<float>& own = buffers[peer.view().rank];
    const uint64_t count = peer.name() == "bob" ? own.size() - 1 : own.size();
    return atollAllReduce(own.data(), own.data(), count, atollFloat32, atollSum, peer.comm(),
                          nullptr, nullptr);
  });
  expect_all(outcomes, atollMismatch, {"alice", "bob", "count"});
  for (const auto& own : buffers) EXPECT_EQ(own, input);
  expect_all_reduce(run.all());
}

TEST(CallOrderTest, SwappedCallsOfOneTagAreAMismatch) {
  TestRun run({"alice", "bob", "carol"});
  std::array<Buffers, 3> buffers;
  for (int step = 0; step < 2; ++step) {
    const auto outcomes = together(run.all(), [&](TestPeer& peer) {
      const bool barrier = (peer.name() == "carol") == (step == 0);
      return barrier ? atollBarrier(peer.comm(), nullptr)
                     : plain(peer, buffers[peer.view().rank]);
    });
    expect_all(outcomes, atollMismatch, {"carol", "barrier", "all-reduce"});
  }
  expect_all_reduce(run.all());
}

// Tags are independent, so nobody can know that a call is not still to come; but the members'
// next update stands at different calls, and says so.
TEST(CallOrderTest, CallsWithDifferentTagsAreNamedAtTheUpdate) {
  TestRun run({"alice", "bob", "carol"});
  std::array<Buffers, 3> buffers;
  std::array<atollRequest_t, 3> requests{};
  const auto started = together(run.all(), [&](TestPeer& peer) {
    const uint32_t rank = peer.view().rank;
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.tag = peer.name() == "carol" ? 22 : 21;
    return atollAllReduceAsync(buffers[rank].in.data(), buffers[rank].out.data(), 1000,
                               atollFloat32, atollSum, peer.comm(), &options, &requests[rank]);
  });
  expect_all(started, atollSuccess);
  const auto updates = together(run.all(), [](TestPeer& peer) { return peer.update().result; });
  expect_all(updates, atollMismatch, {"carol", "atollUpdate", "tag 21"});
  for (const atollRequest_t request : requests) EXPECT_EQ(atollCancel(request), atollSuccess);
  const auto ended = together(run.all(), [&](TestPeer& peer) {
    return atollWait(requests[peer.view().rank], nullptr);
  });
  expect_all(ended, atollCancelled);
  // The calls of the others have ended on all members: whoever makes them late is told at once.
  const auto late = together(run.all(), [&](TestPeer& peer) {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.tag = peer.name() == "carol" ? 21 : 22;
    return all_reduce(peer, buffers[peer.view().rank], 1000, atollFloat32, atollSum, &options);
  });
  expect_all(late, atollCancelled);
  expect_update(run.all());
  expect_all_reduce(run.all());
}

TEST(CallOrderTest, UpdateAgainstAllReduceIsNamed) {
  TestRun run({"alice", "bob", "carol"});
  std::array<Buffers, 3> buffers;
  const auto outcomes = together(run.all(), [&](TestPeer& peer) {
    if (peer.name() == "carol") return peer.update().result;
    const atollResult_t result = plain(peer, buffers[peer.view().rank]);
    EXPECT_EQ(result, atollMismatch);
    const std::string sentence = atollGetLastError();
    EXPECT_NE(sentence.find("carol waits in atollUpdate"), std::string::npos) << sentence;
    EXPECT_NE(sentence.find("all-reduce"), std::string::npos) << sentence;
    return peer.update().result;  // now where carol is, but one call ahead
  });
  expect_all(outcomes, atollMismatch, {"carol", "different calls in atollUpdate"});
  EXPECT_EQ(plain(run[2], buffers[0]), atollMismatch);  // the recorded end of the others' call
  expect_update(run.all());
  expect_all_reduce(run.all());
}

TEST(CallOrderTest, StatesThatDifferInLayoutAreAMismatch) {
  TestRun run({"alice", "bob"});
  std::array<Buffers, 2> buffers;
  const auto outcomes = together(run.all(), [&](TestPeer& peer) {
    atollState_t state = nullptr;
    const uint64_t count = peer.name() == "bob" ? 500 : 1000;
    float* bytes = buffers[peer.view().rank].out.data();
    EXPECT_EQ(atollStateCreate(&state), atollSuccess);
    EXPECT_EQ(atollStateAddTensor(state, "weights", bytes, atollFloat32, count), atollSuccess);
    const atollResult_t result = atollSyncState(peer.comm(), state, nullptr, nullptr);
    EXPECT_EQ(atollStateDestroy(state), atollSuccess);
    return result;
  });
  expect_all(outcomes, atollMismatch, {"bob", "weights"});
  expect_all_reduce(run.all());
}

}  // namespace
}  // namespace atoll_test
