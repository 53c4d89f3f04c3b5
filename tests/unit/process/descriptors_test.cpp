#include "process/descriptors.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include <gtest/gtest.h>

#include "unit/process/child.h"

namespace atoll_core::process {
namespace {

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

int open_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
int open_event() { return ::eventfd(0, EFD_CLOEXEC); }

// Closes what the number stands for, and lets it stand for what `open` opens.
template <class Open>
void replace(int number, Open open) {
  const int other = open();
  ASSERT_EQ(::dup3(other, number, O_CLOEXEC), number);
  ::close(other);
}

TEST(Descriptors, AChildClosesThoseThatWereNoted) {
  const int noted = open_noted(open_socket);
  const int other = open_socket();
  EXPECT_TRUE(in_child([&] { return !is_open(noted) && is_open(other); }));
  EXPECT_TRUE(is_open(noted));
  ::close(noted);
  ::close(other);
}

TEST(Descriptors, AChildKeepsANumberThatStandsForSomethingElse) {
  const int number = open_noted(open_socket);
  replace(number, open_socket);
  EXPECT_TRUE(in_child([&] { return is_open(number); }));
  ::close(number);
}

TEST(Descriptors, AChildKeepsWhatWasTakenBack) {
  const int number = open_noted(open_event);
  ForkPause().take_back(number);
  replace(number, open_event);  // of the same inode
  EXPECT_TRUE(in_child([&] { return is_open(number); }));
  ::close(number);
}

// Runs `body` in a child without standard input, output and error.
template <class Body>
bool in_child_without_standard(Body&& body) {
  return in_child([&] {
    for (const int number : {0, 1, 2}) ::close(number);
    return body();
  });
}

TEST(Descriptors, NoneIsKeptWherePeoplePrint) {
  EXPECT_TRUE(in_child_without_standard([] {
    const int number = open_noted(open_socket);
    return number > 2 && !is_open(0) && !is_open(1) && !is_open(2) &&
           (::fcntl(number, F_GETFD) & FD_CLOEXEC) != 0;
  }));
}

TEST(Descriptors, WhileTheStandardOnesAreTakenOthersGetHigherNumbers) {
  EXPECT_TRUE(in_child_without_standard([] {
    int number = -1;
    {
      const StandardTaken standard;
      number = open_event();
    }
    return number > 2 && !is_open(0) && !is_open(1) && !is_open(2);
  }));
}

TEST(Descriptors, StandardOnesThatAreOpenAreLeftAlone) {
  EXPECT_TRUE(in_child([] {
    ::close(1);
    { const StandardTaken standard; }
    return is_open(0) && !is_open(1) && is_open(2);
  }));
}

TEST(Descriptors, NotesAreNotHandedOn) {
  const int number = open_noted(open_event);
  EXPECT_TRUE(in_child([&] {
    const int own = open_event();  // the lowest number that is free
    return own == number && in_child([&] { return is_open(own); });
  }));
  ForkPause().take_back(number);
  ::close(number);
}

TEST(Descriptors, ANoteIsOfTheLastThatWasOpened) {
  const int number = open_noted(open_socket);
  replace(number, open_socket);
  ForkPause().note(number);
  EXPECT_TRUE(in_child([&] { return !is_open(number); }));
  ::close(number);
}

TEST(Descriptors, AFailureToOpenKeepsItsReason) {
  errno = 0;
  EXPECT_EQ(open_noted([] { return ::open("/there/is/no/such/file", O_RDONLY | O_CLOEXEC); }), -1);
  EXPECT_EQ(errno, ENOENT);
}

TEST(Descriptors, NoForkComesBetweenOpeningAndNoting) {
  std::atomic<bool> enough{false};
  std::thread opener([&] {
    while (!enough) {
      const int number = open_noted(open_socket);
      std::this_thread::yield();
      ::close(number);
    }
  });
  constexpr int kForks = 300;
  for (int i = 0; i < kForks && !testing::Test::HasFailure(); ++i) {
    EXPECT_TRUE(in_child([] {
      for (int number = 3; number < 64; ++number) {
        int type = 0;
        socklen_t size = sizeof(type);
        if (::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) == 0) return false;
      }
      return true;
    }));
  }
  enough = true;
  opener.join();
}

}  // namespace
}  // namespace atoll_core::process
