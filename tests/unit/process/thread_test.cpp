#include "process/thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "unit/process/child.h"

namespace atoll_core::process {
namespace {

TEST(Thread, HasANameAndTakesNoSignal) {
  std::string name;
  sigset_t mask;
  sigemptyset(&mask);
  auto thread = start_thread("atoll-test", [&] {
    std::array<char, 16> text{};
    pthread_getname_np(pthread_self(), text.data(), text.size());
    name = text.data();
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  });
  ASSERT_TRUE(thread.has_value());
  thread->join();
  EXPECT_EQ(name, "atoll-test");
  for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD, SIGPIPE}) {
    EXPECT_EQ(sigismember(&mask, signal), 1) << signal;
  }
}

TEST(Thread, TheMaskOfWhoStartsItStays) {
  sigset_t mine, before, after;
  sigemptyset(&mine);
  sigaddset(&mine, SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &mine, &before);
  start_thread("atoll-test", [] {})->join();
  pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(sigismember(&after, SIGUSR2), 1);
  EXPECT_EQ(sigismember(&after, SIGUSR1), 0);
}

TEST(Thread, WhereThereMayBeNoneItSaysWhoLacksWhat) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer does not survive that it cannot have a thread";
#endif
  EXPECT_TRUE(in_child([] {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NPROC, &none);
    // No limit is one for root; this number is nobody's.
    if (::geteuid() == 0 && ::setresuid(54321, 54321, 54321) != 0) return false;
    const auto thread = start_thread("atoll-test", [] {});
    if (thread) return false;
    const std::string& sentence = thread.error().message;
    return thread.error().code == ErrorCode::kSystemError &&
           sentence.find(std::to_string(::getpid())) != sentence.npos &&
           sentence.find("ulimit -u, 0") != sentence.npos &&
           sentence.find("'atoll-test'") != sentence.npos;
  }));
}

}  // namespace
}  // namespace atoll_core::process
