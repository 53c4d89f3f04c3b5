// Receives from whoever sends.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Values = std::shared_ptr<std::vector<float>>;

// One end of a send, with its memory.
struct End {
  Call call;
  Values values;
};

std::vector<Call> calls_of(const std::vector<End>& ends) {
  std::vector<Call> calls;
  for (const End& end : ends) calls.push_back(end.call);
  return calls;
}

class AnyRun : public SmallRun {
 public:
  using SmallRun::SmallRun;

  End send(size_t from, size_t to, uint64_t count, float value, uint64_t tag = 0) {
    return make(from, {true, peer(from), peer(to), count, value, tag});
  }
  End receive(size_t at, size_t from, uint64_t count, uint64_t tag = 0) {
    return make(at, {false, peer(from), peer(at), count, -1, tag});
  }
  End receive_any(size_t at, uint64_t count, uint64_t tag = 0, Duration deadline = Duration{0}) {
    return make(at, {false, PeerId{}, peer(at), count, -1, tag, deadline});
  }

  // What was received, if all of it is the same.
  static float value_of(const End& end) {
    EXPECT_TRUE(end.call.committed()) << end.call.sentence();
    if (end.values->empty()) return 0;
    EXPECT_TRUE(std::all_of(end.values->begin(), end.values->end(), [&](float value) {
      return value == end.values->front();
    }));
    return end.values->front();
  }

 private:
  struct Part {
    bool sends = false;
    PeerId root;
    PeerId receiver;
    uint64_t count = 0;
    float value = 0;
    uint64_t tag = 0;
    Duration deadline{0};
  };
  End make(size_t at, const Part& part) {
    End end;
    end.values = std::make_shared<std::vector<float>>(part.count, part.value);
    auto* bytes = reinterpret_cast<std::byte*>(end.values->data());
    engine::CollectiveCall call;
    call.kind = wire::OpKind::kSend;
    call.root = part.root;
    call.receiver = part.receiver;
    call.tensors = {{part.sends ? bytes : nullptr, part.sends ? nullptr : bytes, part.count}};
    call.options.tag = part.tag;
    call.options.deadline = part.deadline;
    end.call = collective(process(at), std::move(call));
    return end;
  }
};

TEST(ReceiveAny, TakesWhatSomebodySendsAndSaysWho) {
  for (uint32_t peers = 2; peers <= 5; ++peers) {
    AnyRun run(peers);
    for (const uint64_t count : {0, 1, 7, 5003, 40'009, 300'007}) {
      for (const bool early : {false, true}) {
        for (size_t from = 1; from < peers; ++from) {
          SCOPED_TRACE(testing::Message() << peers << " peers, " << count << " elements");
          std::vector<End> ends;
          if (early) ends.push_back(run.receive_any(0, count));
          if (early) run.world().run_for(milliseconds(200));
          const End sent = run.send(from, 0, count, static_cast<float>(from));
          if (!early) run.world().run_for(milliseconds(200));
          if (!early) ends.push_back(run.receive_any(0, count));
          run.finish({ends[0].call, sent.call});
          ASSERT_TRUE(sent.call.committed()) << sent.call.sentence();
          EXPECT_EQ(AnyRun::value_of(ends[0]), count == 0 ? 0 : static_cast<float>(from));
          EXPECT_EQ(ends[0].call.info().sender, run.peer(from));
          EXPECT_EQ(sent.call.info().sender, PeerId{});
        }
      }
    }
  }
}

TEST(ReceiveAny, EachOfManySendsIsTakenOnceAndThoseOfOnePeerInTheirOrder) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    AnyRun run(4, [seed](WorldConfig& config) { config.seed = seed; });
    const uint64_t count = seed % 3 == 0 ? 300'000 : seed % 3 == 1 ? 20 : 30'000;
    std::vector<End> sent;
    std::vector<End> received;
    for (int round = 0; round < 6; ++round) {
      if (seed % 2 == 0) received.push_back(run.receive_any(0, count));
      for (size_t from = 1; from <= 3; ++from) {
        sent.push_back(run.send(from, 0, count, static_cast<float>(100 * from + round)));
      }
    }
    if (seed % 4 < 2) run.world().run_for(milliseconds(300));
    while (received.size() < sent.size()) received.push_back(run.receive_any(0, count));
    run.finish(calls_of(sent));
    run.finish(calls_of(received));
    std::map<PeerId, float> last;
    std::vector<float> values;
    for (const End& end : received) {
      const float value = AnyRun::value_of(end);
      float& before = last[end.call.info().sender];
      EXPECT_LT(before, value) << "seed " << seed;
      EXPECT_EQ(end.call.info().sender, run.peer(static_cast<size_t>(value) / 100));
      before = value;
      values.push_back(value);
    }
    std::sort(values.begin(), values.end());
    EXPECT_EQ(std::unique(values.begin(), values.end()), values.end());
  }
}

TEST(ReceiveAny, TheCallThatWasMadeFirstGetsTheFirstSend) {
  AnyRun run(3);
  std::vector<End> received;
  for (int i = 0; i < 5; ++i) received.push_back(run.receive_any(2, 10));
  for (int i = 0; i < 5; ++i) {
    const End sent = run.send(i % 2, 2, 10, static_cast<float>(i + 1));
    run.finish({sent.call});
  }
  run.finish(calls_of(received));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(AnyRun::value_of(received[i]), i + 1);
}

TEST(ReceiveAny, UsesUpNoNumberOfAPeerWhoseSendItDoesNotTake) {
  AnyRun run(3);
  const End any = run.receive_any(0, 10);
  const End first = run.send(1, 0, 10, 1);
  run.finish({any.call, first.call});
  EXPECT_EQ(AnyRun::value_of(any), 1);
  for (const size_t from : {size_t{2}, size_t{1}}) {
    const End named = run.receive(0, from, 10);
    const End sent = run.send(from, 0, 10, 5);
    run.finish({named.call, sent.call}, seconds(5));
    EXPECT_EQ(AnyRun::value_of(named), 5);
    EXPECT_EQ(named.call.info().sender, run.peer(from));
  }
}

TEST(ReceiveAny, IsNotMixedWithReceivesThatNameTheirSenderOnATag) {
  AnyRun run(3);
  const End any = run.receive_any(0, 10);
  const End refused = run.receive(0, 1, 10);
  EXPECT_EQ(refused.call.code(), ErrorCode::kInvalidUsage);
  EXPECT_NE(refused.call.sentence().find("tag 0"), std::string::npos);
  const End elsewhere = run.receive(0, 1, 10, 7);
  const End too = run.receive_any(0, 10, 7);
  EXPECT_EQ(too.call.code(), ErrorCode::kInvalidUsage);
  // None of them has used anything up.
  std::vector<End> sent{run.send(1, 0, 10, 3), run.send(1, 0, 10, 4, 7)};
  run.finish({any.call, elsewhere.call, sent[0].call, sent[1].call}, seconds(5));
  EXPECT_EQ(AnyRun::value_of(any), 3);
  EXPECT_EQ(AnyRun::value_of(elsewhere), 4);
  const End later = run.receive(0, 1, 10);
  const End again = run.receive_any(0, 10, 7);
  sent = {run.send(1, 0, 10, 5), run.send(2, 0, 10, 6, 7)};
  run.finish({later.call, again.call, sent[0].call, sent[1].call}, seconds(5));
  EXPECT_EQ(AnyRun::value_of(later), 5);
  EXPECT_EQ(AnyRun::value_of(again), 6);
}

TEST(ReceiveAny, IsLostOnlyWithTheLastWhoCouldSend) {
  AnyRun run(3);
  const End any = run.receive_any(0, 10);
  run.world().run_for(milliseconds(100));
  run.world().kill(run.process(2));
  run.world().run_for(seconds(15));
  EXPECT_FALSE(any.call.ended()) << any.call.sentence();
  run.world().kill(run.process(1));
  run.finish({any.call});
  EXPECT_EQ(any.call.code(), ErrorCode::kPeerLost) << any.call.sentence();
  const End alone = run.receive_any(0, 10);
  run.finish({alone.call}, seconds(1));
  EXPECT_EQ(alone.call.code(), ErrorCode::kPeerLost);
}

// At any moment of a send that it has taken, or is about to take.
TEST(ReceiveAny, WaitsForAnotherWhenItsSenderDies) {
  int from_the_second = 0;
  for (const bool large : {false, true}) {
    const uint64_t count = large ? 300'007 : 501;
    for (uint64_t moment = 1; moment <= 60; ++moment) {
      SCOPED_TRACE(testing::Message() << (large ? "large" : "small") << ", moment " << moment);
      AnyRun run(3, [moment](WorldConfig& config) { config.seed = moment; });
      uint64_t left = moment * (large ? 4 : 1);
      run.world().on_trace([&](ProcessId, const char*) {
        if (left > 0 && --left == 0) run.world().kill_soon(run.process(1));
      });
      const End any = run.receive_any(0, count);
      const End lost = run.send(1, 0, count, 1);
      run.world().run_for(seconds(20));
      const End second = run.send(2, 0, count, 2);
      const End other = run.receive_any(0, count);
      run.finish({any.call});
      if (AnyRun::value_of(any) == 1) {
        run.finish({second.call, other.call});
        EXPECT_EQ(AnyRun::value_of(other), 2);
        continue;
      }
      ++from_the_second;
      EXPECT_EQ(AnyRun::value_of(any), 2);
      EXPECT_EQ(any.call.info().sender, run.peer(2));
      run.finish({second.call});
      EXPECT_TRUE(second.call.committed()) << second.call.sentence();
    }
  }
  EXPECT_GT(from_the_second, 2);
}

TEST(ReceiveAny, AnotherCountIsAMismatchOnBoth) {
  for (const uint64_t count : {10, 300'000}) {
    AnyRun run(3);
    const End any = run.receive_any(0, count + 1);
    const End sent = run.send(1, 0, count, 1);
    run.finish({any.call, sent.call});
    for (const End& end : {any, sent}) {
      EXPECT_EQ(end.call.code(), ErrorCode::kMismatch) << end.call.sentence();
      for (const std::string& part : {std::to_string(count), std::to_string(count + 1),
                                      std::string("island-0"), std::string("island-1")}) {
        EXPECT_NE(end.call.sentence().find(part), std::string::npos) << end.call.sentence();
      }
    }
    // The next ones meet.
    const End next = run.receive_any(0, count);
    const End again = run.send(1, 0, count, 2);
    run.finish({next.call, again.call});
    EXPECT_EQ(AnyRun::value_of(next), 2);
  }
}

TEST(ReceiveAny, EndsHereAloneWhenItHasTakenNothing) {
  AnyRun run(2);
  const End cancelled = run.receive_any(0, 10);
  const End late = run.receive_any(0, 10, 0, milliseconds(50));
  run.world().cancel(run.process(0), cancelled.call.id);
  run.finish({cancelled.call}, milliseconds(10));
  EXPECT_EQ(cancelled.call.code(), ErrorCode::kCancelled);
  run.finish({late.call}, milliseconds(100));
  EXPECT_EQ(late.call.code(), ErrorCode::kTimeout);
  EXPECT_NE(late.call.sentence().find("island-1"), std::string::npos) << late.call.sentence();
  const End next = run.receive_any(0, 10);
  const End sent = run.send(1, 0, 10, 4);
  run.finish({next.call, sent.call}, seconds(5));
  EXPECT_EQ(AnyRun::value_of(next), 4);
}

// A cancel, or the deadline, at any moment: both ends end alike, or the send waits for the next.
TEST(ReceiveAny, ACancelTakesNoSendByHalf) {
  for (uint64_t moment = 0; moment <= 40; ++moment) {
    for (const uint64_t count : {uint64_t{10}, uint64_t{300'000}}) {
      AnyRun run(2, [moment](WorldConfig& config) { config.seed = moment + 1; });
      const End any = run.receive_any(0, count);
      const End sent = run.send(1, 0, count, 1);
      run.world().run_for(std::chrono::microseconds(500 * moment));
      run.world().cancel(run.process(0), any.call.id);
      run.finish({any.call});
      run.world().run_for(seconds(1));
      if (any.call.committed() || sent.call.ended()) {
        run.finish({sent.call});
        EXPECT_EQ(any.call.code(), sent.call.code());
        continue;
      }
      EXPECT_EQ(any.call.code(), ErrorCode::kCancelled);
      const End next = run.receive_any(0, count);
      run.finish({next.call, sent.call});
      EXPECT_EQ(AnyRun::value_of(next), 1);
    }
  }
}

TEST(ReceiveAny, ASendThatWasEndedEndsTheCallThatWouldHaveReceivedIt) {
  AnyRun run(2);
  const End sent = run.send(1, 0, 10, 1);
  run.world().run_for(milliseconds(50));
  run.world().cancel(run.process(1), sent.call.id);
  run.finish({sent.call});
  EXPECT_EQ(sent.call.code(), ErrorCode::kCancelled);
  const End first = run.receive_any(0, 10);
  const End second = run.receive_any(0, 10);
  run.finish({first.call}, seconds(1));
  EXPECT_EQ(first.call.code(), ErrorCode::kCancelled);
  EXPECT_NE(first.call.sentence().find("island-1"), std::string::npos) << first.call.sentence();
  const End next = run.send(1, 0, 10, 2);
  run.finish({second.call, next.call});
  EXPECT_EQ(AnyRun::value_of(second), 2);
}

TEST(ReceiveAny, OfManySendersAndTags) {
  AnyRun run(32);
  std::vector<End> sent;
  std::vector<End> received;
  for (size_t from = 1; from < 32; ++from) {
    for (uint64_t tag = 0; tag < 4; ++tag) {
      sent.push_back(run.send(from, 0, 50, static_cast<float>(from), tag));
      received.push_back(run.receive_any(0, 50, tag));
    }
  }
  run.finish(calls_of(sent));
  run.finish(calls_of(received));
  std::map<PeerId, int> taken;
  for (const End& end : received) {
    ASSERT_TRUE(end.call.committed()) << end.call.sentence();
    ++taken[end.call.info().sender];
  }
  EXPECT_EQ(taken.size(), 31u);
  for (const auto& [peer, times] : taken) EXPECT_EQ(times, 4);
}

// ---- updates -----------------------------------------------------------------------------------

std::vector<Call> update_all(AnyRun& run) {
  std::vector<Call> updates;
  for (const ProcessId process : run.processes()) updates.push_back(run.update(process));
  return updates;
}

// The receiver may ask for the update before anything of a send has come to it.
TEST(ReceiveAny, AnUpdateWaitsForSendsThatAreOnTheirWay) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    AnyRun run(3, [seed](WorldConfig& config) {
      config.seed = seed;
      config.coordinator.min_replicas = 3;
    });
    const bool joins = seed % 2 == 0;
    if (joins) run.add();
    run.world().run_for(seconds(1));
    const uint64_t count = seed % 3 == 0 ? 300'000 : 40;
    std::vector<End> ends{run.receive_any(0, count), run.receive_any(0, count)};
    ends.push_back(run.send(1, 0, count, 1));
    ends.push_back(run.send(2, 0, count, 2));
    const std::vector<Call> updates = update_all(run);
    run.finish(updates);
    for (const Call& update : updates) {
      ASSERT_TRUE(update.committed()) << update.sentence();
      const wire::View& view = std::get<engine::UpdateInfo>(**(*update.result)).view;
      EXPECT_EQ(view.members.size(), joins ? 4u : 3u);
    }
    run.finish(calls_of(ends));
    for (const End& end : ends) EXPECT_TRUE(end.call.committed()) << end.call.sentence();
    EXPECT_EQ(AnyRun::value_of(ends[0]) + AnyRun::value_of(ends[1]), 3);
    // And all count alike from here.
    const std::vector<Call> again = update_all(run);
    run.finish(again);
    for (const Call& update : again) ASSERT_TRUE(update.committed()) << update.sentence();
  }
}

TEST(ReceiveAny, AnUpdateFailsWithMoreSendsThanCalls) {
  AnyRun run(3);
  std::vector<End> ends{run.receive_any(0, 40), run.send(1, 0, 40, 1), run.send(2, 0, 40, 2)};
  const std::vector<Call> updates = update_all(run);
  run.finish(updates);
  for (const Call& update : updates) {
    EXPECT_EQ(update.code(), ErrorCode::kMismatch) << update.sentence();
    EXPECT_NE(update.sentence().find("tag 0"), std::string::npos) << update.sentence();
    EXPECT_NE(update.sentence().find("island-0"), std::string::npos) << update.sentence();
  }
  ends.push_back(run.receive_any(0, 40));
  run.finish(calls_of(ends));
  const std::vector<Call> again = update_all(run);
  run.finish(again);
  for (const Call& update : again) EXPECT_TRUE(update.committed()) << update.sentence();
}

TEST(ReceiveAny, OneThatIsLeftOverTakesTheSendsOfTheNextGeneration) {
  AnyRun run(2);
  const End any = run.receive_any(0, 40);
  run.add();
  run.world().run_for(seconds(1));
  const std::vector<Call> updates = update_all(run);
  run.finish(updates);
  for (const Call& update : updates) ASSERT_TRUE(update.committed()) << update.sentence();
  const End sent = run.send(2, 0, 40, 9);
  run.finish({any.call, sent.call});
  EXPECT_EQ(AnyRun::value_of(any), 9);
  EXPECT_EQ(any.call.info().sender, run.peer(2));
}

}  // namespace
}  // namespace atoll_core::simulate
