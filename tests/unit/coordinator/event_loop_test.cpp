#include "coordinator/event_loop.h"

#include <csignal>
#include <new>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"
#include "coordinator/sigpipe_block.h"

namespace atoll_core::coordinator {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(EventLoop, ADeadlineComesNotBeforeItsTime) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop.has_value());
  const TimePoint at = EventLoop::now() + milliseconds(7);
  TimePoint came{};
  (*loop)->on_deadline([&] {
    came = EventLoop::now();
    (*loop)->stop();
  });
  (*loop)->set_deadline(at);
  ASSERT_TRUE((*loop)->run().has_value());
  EXPECT_GE(came, at);
}

TEST(EventLoop, ADeadlineThatIsSetInEachTurnComesToo) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop.has_value());
  const TimePoint at = EventLoop::now() + milliseconds(5);
  int turns = 0;
  (*loop)->on_deadline([&] { (*loop)->stop(); });
  (*loop)->on_turn_end([&] {
    ++turns;
    if (turns == 100'000) (*loop)->fail({ErrorCode::kTimeout, "the deadline was put off for ever"});
    (*loop)->set_deadline(at);
  });
  (*loop)->set_deadline(at);
  EXPECT_TRUE((*loop)->run().has_value());
  EXPECT_GT(turns, 0);
}

TEST(EventLoop, ALaterCallMovesTheDeadline) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop.has_value());
  const TimePoint at = EventLoop::now() + milliseconds(10);
  int calls = 0;
  (*loop)->on_deadline([&] {
    ++calls;
    EXPECT_GE(EventLoop::now(), at);
    (*loop)->stop();
  });
  (*loop)->set_deadline(EventLoop::now());
  (*loop)->set_deadline(kNever);
  (*loop)->set_deadline(at);
  ASSERT_TRUE((*loop)->run().has_value());
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, ADeadlineThatIsAlwaysPastStillLetsStopThrough) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop.has_value());
  int calls = 0;
  (*loop)->on_deadline([&] {
    (*loop)->set_deadline(TimePoint{});
    if (++calls == 3) (*loop)->stop();
  });
  (*loop)->set_deadline(TimePoint{});
  EXPECT_TRUE((*loop)->run().has_value());
  EXPECT_GE(calls, 3);
}

Error failure_of(void (*body)()) {
  auto loop = EventLoop::create();
  if (!loop) return loop.error();
  (*loop)->on_deadline(body);
  (*loop)->set_deadline(EventLoop::now());
  const auto result = (*loop)->run();
  return result ? Error{ErrorCode::kSuccess, ""} : result.error();
}

TEST(EventLoop, ABrokenInvariantEndsTheRun) {
  const Error error = failure_of([] { ATOLL_ASSERT(1 == 2, "one={} two={}", 1, 2); });
  EXPECT_EQ(error.code, ErrorCode::kInternalError);
  EXPECT_THAT(error.message, HasSubstr("broken invariant: 1 == 2 (one=1 two=2)"));
}

TEST(EventLoop, AnyExceptionEndsTheRun) {
  const Error error = failure_of([] { throw std::runtime_error("out of islands"); });
  EXPECT_EQ(error.code, ErrorCode::kInternalError);
  EXPECT_THAT(error.message, HasSubstr("out of islands"));
  EXPECT_EQ(failure_of([] { throw std::bad_alloc(); }).code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(failure_of([] { throw 17; }).code, ErrorCode::kInternalError);
}

TEST(EventLoop, TheFirstFailureCountsAndNothingRunsAfterIt) {
  auto loop = EventLoop::create();
  ASSERT_TRUE(loop.has_value());
  (*loop)->guard([] { throw std::runtime_error("first"); });
  bool ran = false;
  (*loop)->guard([&] { ran = true; });
  (*loop)->fail({ErrorCode::kTimeout, "second"});
  const auto result = (*loop)->run();
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("first"));
  EXPECT_FALSE(ran);
}

TEST(SigpipeBlock, SwallowsItsOwnAndLeavesOthers) {
  sigset_t before;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  ASSERT_EQ(sigismember(&before, SIGPIPE), 0);
  {
    const SigpipeBlock outer;
    {
      const SigpipeBlock inner;
      raise(SIGPIPE);
    }
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    raise(SIGPIPE);
    {
      const SigpipeBlock inner;  // one was pending before it began: not its own
    }
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 1);
  }
  sigset_t after;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
  EXPECT_EQ(sigismember(&after, SIGPIPE), 0);
}

}  // namespace
}  // namespace atoll_core::coordinator
