// A newcomer that fetches what the members have synced before it is let in.
#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "unit/engine/small_run.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kCount = 2'600'000;  // ten chunks, the last one short
constexpr size_t kStateBytes = kCount * sizeof(float);

// A replica's shared state as a trainer holds it.
struct Replica {
  std::vector<float> memory = std::vector<float>(kCount, -1.0f);
  state::StateTable table;
  std::shared_ptr<state::Publication> publication = std::make_shared<state::Publication>(table);

  Replica() {
    EXPECT_TRUE(table.add_tensor("w", memory.data(), DataType::kFloat32, memory.size()));
  }
  void fill(float first) {
    for (size_t i = 0; i < memory.size(); ++i) memory[i] = first + static_cast<float>(i % 1000);
  }
};

class Follow : public ::testing::Test {
 protected:
  static constexpr size_t kMembers = 3;

  // Three members that have synced revision 1.
  explicit Follow(uint64_t bytes_per_second = 50'000'000, uint64_t seed = 1)
      : run_(kMembers, [&](WorldConfig& config) {
          config.seed = seed;
          config.bytes_per_second = bytes_per_second;
          config.engine.membership.coordinator_timeout = seconds(30);
        }) {
    for (size_t i = 0; i < kMembers; ++i) {
      replicas_.push_back(std::make_unique<Replica>());
      replicas_.back()->fill(1.0f);
      EXPECT_TRUE(replicas_.back()->table.publish(1));
    }
    sync_members();
  }

  // What atollSyncState does; not a sync of newcomers.
  Call sync(size_t index) {
    return sync_of(run_.process(index), *replicas_[index]);
  }
  Call sync_of(ProcessId process, Replica& replica) {
    Call call;
    call.process = process;
    call.id = run_.world().call(process, [&](engine::Engine& engine, TimePoint now,
                                             engine::CallId id) {
      engine::SyncCall arguments;
      arguments.table = &replica.table;
      arguments.digests = state::compute_digests(replica.table);
      arguments.publication = replica.publication;
      engine.sync(now, id, std::move(arguments));
    }, [result = call.result](const auto& ended) { *result = ended; });
    return call;
  }
  void sync_members() {
    std::vector<Call> calls;
    for (size_t i = 0; i < kMembers; ++i) {
      if (run_.world().alive(run_.process(i))) calls.push_back(sync(i));
    }
    run_.finish(calls);
    for (const Call& call : calls) {
      if (!run_.world().alive(call.process)) continue;
      EXPECT_TRUE(call.committed()) << call.sentence();
    }
  }
  // What atollStateBeginWrite does, the outer step and the publication: the first `changed`
  // elements are others.
  void step_members(uint64_t revision, size_t changed) {
    for (size_t i = 0; i < kMembers; ++i) {
      if (!run_.world().alive(run_.process(i))) continue;
      Replica& replica = *replicas_[i];
      if (replica.publication->close()) {
        run_.world().engine(run_.process(i)).withdraw(run_.world().now(), *replica.publication);
      }
      EXPECT_TRUE(replica.table.begin_write());
      // What must never be sent any more.
      std::fill(replica.memory.begin(), replica.memory.begin() + static_cast<long>(changed), 666.f);
      run_.world().run_for(milliseconds(1));
      for (size_t at = 0; at < changed; ++at) {
        replica.memory[at] = static_cast<float>(revision) * 10 + static_cast<float>(at % 77);
      }
      EXPECT_TRUE(replica.table.publish(revision));
    }
  }
  void update_members(bool admits) {
    std::vector<Call> calls;
    for (size_t i = 0; i < kMembers; ++i) {
      if (run_.world().alive(run_.process(i))) calls.push_back(run_.update(run_.process(i)));
    }
    const TimePoint begun = run_.world().now();
    run_.finish(calls);
    EXPECT_LT(run_.world().now() - begun, seconds(1)) << "members waited for a newcomer";
    for (const Call& call : calls) {
      if (!run_.world().alive(call.process)) continue;
      EXPECT_TRUE(call.committed()) << call.sentence();
      const auto& view = std::get<engine::UpdateInfo>(***call.result).view;
      EXPECT_EQ(view.members.size(), calls.size() + (admits ? 1 : 0));
    }
  }

  // A process that follows, from its connect to the end of its first update.
  struct Newcomer {
    Replica replica;
    ProcessId process = 0;
    Call update;
  };
  std::unique_ptr<Newcomer> join(Duration patience = seconds(100)) {
    auto newcomer = std::make_unique<Newcomer>();
    newcomer->process = run_.add();
    newcomer->update = follow(*newcomer, patience);
    return newcomer;
  }
  Call follow(Newcomer& newcomer, Duration patience) {
    Call call;
    call.process = newcomer.process;
    call.id = run_.world().call(newcomer.process, [&](engine::Engine& engine, TimePoint now,
                                                      engine::CallId id) {
      engine::FollowCall arguments;
      arguments.table = &newcomer.replica.table;
      arguments.digests = state::compute_digests(newcomer.replica.table);
      arguments.patience = patience;
      engine.update(now, id, std::move(arguments));
    }, [result = call.result](const auto& ended) { *result = ended; });
    return call;
  }
  uint64_t received(const Newcomer& newcomer) {
    return run_.world().engine(newcomer.process).counters().payload_received;
  }
  void expect_level(const Newcomer& newcomer, uint64_t revision) {
    EXPECT_EQ(newcomer.replica.table.revision(), revision);
    EXPECT_FALSE(newcomer.replica.table.torn());
    const size_t living = run_.world().alive(run_.process(0)) ? 0 : 1;
    EXPECT_EQ(newcomer.replica.memory, replicas_[living]->memory);
  }
  // Everybody syncs, and nothing has to be moved.
  void expect_sync_of_all_moves_nothing(Newcomer& newcomer) {
    std::vector<Call> calls{sync_of(newcomer.process, newcomer.replica)};
    for (size_t i = 0; i < kMembers; ++i) {
      if (run_.world().alive(run_.process(i))) calls.push_back(sync(i));
    }
    run_.finish(calls);
    for (const Call& call : calls) {
      if (!run_.world().alive(call.process)) continue;
      ASSERT_TRUE(call.committed()) << call.sentence();
      EXPECT_EQ(std::get<engine::SyncInfo>(***call.result).bytes_received, 0u);
    }
  }

  SmallRun run_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(Follow, TheNewcomerIsLevelWhenItIsLetIn) {
  const auto newcomer = join();
  run_.world().run_for(seconds(2));
  EXPECT_FALSE(newcomer->update.ended()) << "it was let in without an update of the members";
  expect_level(*newcomer, 1);
  const uint64_t fetched = received(*newcomer);
  EXPECT_GE(fetched, kStateBytes);
  EXPECT_LE(fetched, kStateBytes + 10'000);
  for (size_t i = 0; i < kMembers; ++i) {
    EXPECT_GT(run_.world().engine(run_.process(i)).counters().payload_sent, kStateBytes / 5)
        << "not all have given their share";
  }
  update_members(true);
  run_.finish({newcomer->update});
  ASSERT_TRUE(newcomer->update.committed()) << newcomer->update.sentence();
  expect_sync_of_all_moves_nothing(*newcomer);
  EXPECT_EQ(received(*newcomer), fetched);
}

TEST_F(Follow, FoundersStartAtOnce) {
  SmallRun founders(1);
  const ProcessId process = founders.add();
  Newcomer newcomer;
  newcomer.process = process;
  // Nothing was synced there, so there is nothing to wait for.
  Call joining;
  founders.world().call(process, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
    engine::FollowCall arguments;
    arguments.table = &newcomer.replica.table;
    arguments.digests = state::compute_digests(newcomer.replica.table);
    arguments.patience = seconds(100);
    engine.update(now, id, std::move(arguments));
  }, [result = joining.result](const auto& ended) { *result = ended; });
  joining.process = process;
  founders.world().run_for(seconds(1));
  founders.finish({founders.update(founders.process(0)), joining}, seconds(1));
  EXPECT_TRUE(joining.committed()) << joining.sentence();
}

class SlowFollow : public Follow {
 protected:
  // 10 MB from three members take seven seconds.
  SlowFollow() : Follow(500'000) {}
};

TEST_F(SlowFollow, AWriteCutsTheFetchAndWhatDidNotChangeIsKept) {
  const auto newcomer = join();
  run_.world().run_for(seconds(3));
  const uint64_t before = received(*newcomer);
  EXPECT_GT(before, kStateBytes / 8);
  EXPECT_LT(before, kStateBytes - kStateBytes / 8);
  step_members(2, 1000);
  update_members(false);
  run_.world().run_for(seconds(5));
  EXPECT_LT(received(*newcomer), before + 4 * state::kStateChunkBytes)
      << "what was withdrawn was sent";
  EXPECT_NE(newcomer->replica.table.revision(), 1u);
  sync_members();
  run_.world().run_for(seconds(8));
  expect_level(*newcomer, 2);
  EXPECT_LT(received(*newcomer), kStateBytes + 4 * state::kStateChunkBytes)
      << "chunks that did not change were fetched again";
  update_members(true);
  run_.finish({newcomer->update});
  ASSERT_TRUE(newcomer->update.committed()) << newcomer->update.sentence();
  expect_sync_of_all_moves_nothing(*newcomer);
}

TEST_F(SlowFollow, OneThatIsLevelFollowsTheNextRevision) {
  const auto newcomer = join();
  run_.world().run_for(seconds(12));
  expect_level(*newcomer, 1);
  const uint64_t before = received(*newcomer);
  step_members(2, 1000);
  sync_members();
  update_members(false);
  run_.world().run_for(seconds(5));
  expect_level(*newcomer, 2);
  EXPECT_LE(received(*newcomer), before + state::kStateChunkBytes + 10'000);
  update_members(true);
  run_.finish({newcomer->update});
  EXPECT_TRUE(newcomer->update.committed()) << newcomer->update.sentence();
}

TEST_F(SlowFollow, AfterItsPatienceItIsLetInAsItIs) {
  const auto newcomer = join(seconds(3));
  run_.world().run_for(seconds(1));
  update_members(false);
  run_.world().run_for(seconds(3));
  update_members(true);
  run_.finish({newcomer->update});
  ASSERT_TRUE(newcomer->update.committed()) << newcomer->update.sentence();
  EXPECT_TRUE(newcomer->replica.table.torn());
  std::vector<Call> calls{sync_of(newcomer->process, newcomer->replica)};
  for (size_t i = 0; i < kMembers; ++i) calls.push_back(sync(i));
  run_.finish(calls);
  for (const Call& call : calls) EXPECT_TRUE(call.committed()) << call.sentence();
  expect_level(*newcomer, 1);
}

TEST_F(SlowFollow, ASyncOfTheSameContentDoesNotDisturbIt) {
  const auto newcomer = join();
  for (int i = 0; i < 12; ++i) {
    run_.world().run_for(seconds(1));
    sync_members();
  }
  expect_level(*newcomer, 1);
  EXPECT_LE(received(*newcomer), kStateBytes + 10'000);
}

TEST_F(SlowFollow, WhatItHeldIsKeptUntilTheMembersContentIsWhole) {
  auto newcomer = std::make_unique<Newcomer>();
  newcomer->process = run_.add();
  newcomer->replica.fill(5.0f);
  ASSERT_TRUE(newcomer->replica.table.publish(40));
  const std::vector<float> held = newcomer->replica.memory;
  newcomer->update = follow(*newcomer, seconds(100));
  run_.world().run_for(seconds(3));
  EXPECT_GT(received(*newcomer), kStateBytes / 8);
  EXPECT_EQ(newcomer->replica.table.revision(), 40u);
  EXPECT_EQ(newcomer->replica.memory, held);
  run_.world().leave(newcomer->process, {ErrorCode::kCancelled, "the program ends"});
  run_.finish({newcomer->update});
  EXPECT_EQ(newcomer->update.code(), ErrorCode::kCancelled) << newcomer->update.sentence();
  EXPECT_EQ(newcomer->replica.memory, held);
}

TEST_F(SlowFollow, GoesOnAfterARestartOfTheCoordinatorOnceTheMembersSync) {
  const auto newcomer = join();
  run_.world().run_for(seconds(2));
  run_.world().stop_coordinator();
  run_.world().start_coordinator(false);
  run_.world().run_for(seconds(4));
  update_members(false);
  sync_members();
  run_.world().run_for(seconds(12));
  expect_level(*newcomer, 1);
  update_members(true);
  run_.finish({newcomer->update});
  EXPECT_TRUE(newcomer->update.committed()) << newcomer->update.sentence();
}

TEST_F(SlowFollow, LostConnectionsAreMadeAgainAndItGoesOn) {
  const auto newcomer = join();
  for (int i = 0; i < 12; ++i) {
    run_.world().run_for(seconds(1));
    run_.world().cut_connection(newcomer->process);
  }
  run_.world().run_for(seconds(10));
  expect_level(*newcomer, 1);
}

TEST_F(Follow, ANewcomerWithOtherTensorsIsToldSoAndNobodyElse) {
  auto newcomer = std::make_unique<Newcomer>();
  newcomer->process = run_.add();
  ASSERT_TRUE(newcomer->replica.table.add_tensor("b", newcomer->replica.memory.data(),
                                                 DataType::kFloat32, 10));
  newcomer->update = follow(*newcomer, seconds(100));
  run_.finish({newcomer->update});
  EXPECT_EQ(newcomer->update.code(), ErrorCode::kMismatch);
  EXPECT_NE(newcomer->update.sentence().find("has 1 tensors, this one has 2"), std::string::npos)
      << newcomer->update.sentence();
  update_members(false);
  sync_members();
}

// Deaths at each moment of the fetch, of one that serves and of the one that fetches.
class FollowAndDeath : public ::testing::TestWithParam<bool> {};

class SeededFollow : public Follow {
 public:
  explicit SeededFollow(uint64_t seed) : Follow(5'000'000, seed) {}
  void TestBody() override {}

  // False: it was over before that moment.
  bool dies(bool the_newcomer, uint64_t moment) {
    auto newcomer = std::make_unique<Newcomer>();
    newcomer->process = run_.add();
    const ProcessId victim = the_newcomer ? newcomer->process : run_.process(1);
    uint64_t left = moment + 1;
    run_.world().on_trace([&](ProcessId process, const char* point) {
      const bool of_fetch = std::strncmp(point, "state.", 6) == 0;
      if (process == victim && of_fetch && --left == 0) run_.world().kill_soon(process);
    });
    newcomer->update = follow(*newcomer, seconds(100));
    run_.world().run_for(seconds(1));
    step_members(2, 300'000);
    sync_members();
    for (int i = 0; i < 10 && !newcomer->update.ended(); ++i) {
      run_.world().run_for(seconds(3));
      const bool there = run_.world().alive(newcomer->process);
      const bool admits = there && newcomer->replica.table.revision() == 2;
      update_members(admits);
      if (admits) run_.finish({newcomer->update});
    }
    if (!the_newcomer) {
      run_.finish({newcomer->update});
      EXPECT_TRUE(newcomer->update.committed()) << newcomer->update.sentence();
      expect_level(*newcomer, 2);
    }
    sync_after(*newcomer);
    return !run_.world().alive(victim);
  }

 private:
  void sync_after(Newcomer& newcomer) {
    if (run_.world().alive(newcomer.process)) expect_sync_of_all_moves_nothing(newcomer);
    else sync_members();
  }
};

INSTANTIATE_TEST_SUITE_P(Of, FollowAndDeath, ::testing::Bool(), [](const auto& of) {
  return of.param ? "TheNewcomer" : "OneThatServes";
});

TEST_P(FollowAndDeath, AtEachMoment) {
  uint64_t moments = 0;
  for (bool died = true; died; ++moments) {
    SCOPED_TRACE(testing::Message() << "death at moment " << moments);
    ASSERT_LT(moments, 200u);
    SeededFollow follow(moments + 1);
    died = follow.dies(GetParam(), moments);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(moments, GetParam() ? 8u : 2u) << "it did not die at all";
}

}  // namespace
}  // namespace atoll_core::simulate
