// The baton, with real threads: one at a time holds it, and what is asked of the loop is done.
#include "peer/loop_baton.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::peer {
namespace {

using Clock = std::chrono::steady_clock;
using Turn = LoopBaton::Turn;

// What the baton guards: nothing else does, so that a sanitizer sees two holders.
struct Loop {
  LoopBaton baton;
  uint64_t turns = 0;
  uint64_t done = 0;
  std::atomic<uint64_t> posted{0};
  std::atomic<bool> inside{false};
  std::atomic<bool> overlapped{false};

  void turn() {
    if (inside.exchange(true)) overlapped = true;
    ++turns;
    done = posted.load();
    inside = false;
  }
  void io_thread() {
    for (auto to_do = baton.take(); to_do != LoopBaton::Turn::kEnd; to_do = baton.take()) {
      turn();
      if (to_do == LoopBaton::Turn::kRun) baton.rest(done);
      else baton.rest(done, false);
    }
  }
  void post() {
    ++posted;
    baton.asked();
  }
};

TEST(LoopBaton, OneAtATimeHoldsIt) {
  Loop loop;
  std::atomic<uint64_t> taken{0};
  std::thread io([&] { loop.io_thread(); });
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&, i] {
      for (int call = 0; call < 2000; ++call) {
        if (!loop.baton.try_take()) {
          loop.post();
          continue;
        }
        ++taken;
        loop.turn();
        loop.baton.give_back((call + i) % 7 != 0, loop.done);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  loop.baton.end();
  io.join();
  EXPECT_FALSE(loop.overlapped);
  EXPECT_GE(loop.turns, taken.load());
}

TEST(LoopBaton, TheIoThreadBeginsWithItAndRestsAfterwards) {
  LoopBaton baton;
  ASSERT_EQ(baton.take(), Turn::kRun);
  EXPECT_FALSE(baton.try_take()) << "the I/O thread has it";
  baton.rest(0);
  EXPECT_TRUE(baton.try_take()) << "it rests";
  EXPECT_FALSE(baton.try_take()) << "another caller has it";
  baton.give_back(true, 0);
  EXPECT_EQ(baton.take(), Turn::kLook) << "when it has rested it takes it without being asked";
}

TEST(LoopBaton, WhileNothingComesTheIoThreadLooksLessAndLessOften) {
  LoopBaton baton;
  ASSERT_EQ(baton.take(), Turn::kRun);
  auto resting = Clock::now();
  baton.rest(0);
  for (const auto pause : {LoopBaton::kRest, 2 * LoopBaton::kRest, LoopBaton::kLook}) {
    ASSERT_EQ(baton.take(), Turn::kLook);
    EXPECT_GE(Clock::now() - resting, pause);
    resting = Clock::now();
    baton.rest(0, false);
  }
}

TEST(LoopBaton, WhenNoCallHasFollowedTheIoThreadStaysInTheLoop) {
  LoopBaton baton;
  ASSERT_EQ(baton.take(), Turn::kRun);
  baton.rest(0);
  ASSERT_TRUE(baton.try_take());
  const auto last = Clock::now();
  baton.give_back(true, 0);
  Turn turn = baton.take();
  for (; turn == Turn::kLook; turn = baton.take()) baton.rest(0, true);
  EXPECT_EQ(turn, Turn::kRun);
  EXPECT_GE(Clock::now() - last, LoopBaton::kFollow);
}

TEST(LoopBaton, WhatIsAskedWhileTheIoThreadRestsIsDone) {
  Loop loop;
  std::thread io([&] { loop.io_thread(); });
  for (int i = 0; i < 200; ++i) {
    loop.post();
    // The one that asked takes the baton to look; until it is done, the I/O thread has to come.
    for (bool seen = false; !seen;) {
      if (!loop.baton.try_take()) continue;
      seen = loop.done >= loop.posted.load();
      loop.baton.give_back(true, loop.done);
    }
  }
  loop.baton.end();
  io.join();
  EXPECT_FALSE(loop.overlapped);
}

TEST(LoopBaton, WhatWasAskedBehindACallersBackIsNotLeftLying) {
  LoopBaton baton;
  ASSERT_EQ(baton.take(), Turn::kRun);
  baton.rest(0);
  ASSERT_TRUE(baton.try_take());
  baton.asked();  // the caller has looked already, and saw nothing
  baton.give_back(true, 0);
  EXPECT_EQ(baton.take(), Turn::kRun);
}

TEST(LoopBaton, AfterTheEndNobodyGetsIt) {
  LoopBaton baton;
  ASSERT_EQ(baton.take(), Turn::kRun);
  baton.end();
  baton.rest(0);
  EXPECT_FALSE(baton.try_take());
  EXPECT_EQ(baton.take(), Turn::kEnd);
}

TEST(LoopBaton, BesideALongCallTheIoThreadSleepsAndComesBack) {
  LoopBaton baton;
  ASSERT_EQ(baton.take(), Turn::kRun);
  baton.rest(0);
  ASSERT_TRUE(baton.try_take());
  std::thread io([&] {
    EXPECT_EQ(baton.take(), Turn::kLook);
    baton.rest(0, false);
  });
  std::this_thread::sleep_for(10 * LoopBaton::kLook);
  baton.give_back(true, 0);
  io.join();
}

}  // namespace
}  // namespace atoll_core::peer
