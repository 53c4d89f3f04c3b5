// A session without a coordinator: what its callers' threads and its I/O thread do with calls.
#include "peer/session.h"

#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::peer {
namespace {

SessionConfig unconnected() {
  SessionConfig config;
  config.engine.membership.self.name = "alice";
  config.coordinators = {Endpoint{"127.0.0.1", 9}};
  config.bind_host = "127.0.0.1";
  config.logger = process::make_logger("session_test");
  return config;
}

// A call that goes on is handed to the I/O thread, which may rest; one that waits then finds the
// loop free and runs it on its own thread. The engine has to see the two in the order of the
// caller, which gives calls their names.
TEST(Session, BeginsTheCallsOfOneThreadInItsOrder) {
  Result<std::unique_ptr<Session>> session = Session::create(unconnected());
  ASSERT_TRUE(session) << session.error().message;
  std::mutex mutex;
  std::vector<int> begun;
  const auto note = [&](int call) {
    const std::lock_guard<std::mutex> lock(mutex);
    begun.push_back(call);
  };
  std::vector<int> made;
  for (int call = 0; call < 4000; call += 2) {
    (void)(*session)->call([&note, call](engine::Engine&, TimePoint, engine::CallId) {
      note(call);
    });
    const auto waits = (*session)->call(
        [&note, call](engine::Engine& engine, TimePoint now, engine::CallId id) {
          note(call + 1);
          engine.update(now, id);  // ends at once: it is not connected
        },
        Caller::kWaits);
    EXPECT_FALSE(waits->wait());
    made.insert(made.end(), {call, call + 1});
  }
  const std::lock_guard<std::mutex> lock(mutex);
  EXPECT_EQ(begun, made);
}

// Calls follow each other with pauses for computing. The I/O thread must not sit in the loop then;
// but it may be about to look what has come.
TEST(Session, ACallAfterAPauseIsRunByItsCaller) {
  Result<std::unique_ptr<Session>> session = Session::create(unconnected());
  ASSERT_TRUE(session) << session.error().message;
  int run_here = 0;
  for (int i = 0; i < 20; ++i) {
    std::thread::id runs;
    const auto call = (*session)->call(
        [&runs](engine::Engine& engine, TimePoint now, engine::CallId id) {
          runs = std::this_thread::get_id();
          engine.update(now, id);  // ends at once: it is not connected
        },
        Caller::kWaits);
    EXPECT_FALSE(call->wait());
    // The first ones may have come before the I/O thread.
    if (i >= 2 && runs == std::this_thread::get_id()) ++run_here;
    std::this_thread::sleep_for(5 * LoopBaton::kRest);
  }
  EXPECT_GT(run_here, 0);
}

}  // namespace
}  // namespace atoll_core::peer
