#include "process/origin.h"

#include <unistd.h>

#include <mutex>

#include <gtest/gtest.h>

#include "unit/process/child.h"

namespace atoll_core::process {
namespace {

TEST(Origin, IsHereOnlyInTheProcessThatMadeIt) {
  const Origin origin;
  EXPECT_TRUE(origin.is_here());
  EXPECT_EQ(origin.process(), ::getpid());
  const pid_t parent = ::getpid();
  EXPECT_TRUE(in_child([&] { return !origin.is_here() && origin.process() == parent; }));
  EXPECT_TRUE(origin.is_here());
}

TEST(Origin, IsOfTheChildThatMakesIt) {
  EXPECT_TRUE(in_child([] {
    const Origin own;
    const bool here = own.is_here() && own.process() == ::getpid();
    return here && in_child([&] { return !own.is_here(); });
  }));
}

TEST(OnePerProcess, IsTheSameInAProcessAndAnotherInItsChild) {
  static OnePerProcess<int> number;
  number.get() = 7;
  EXPECT_EQ(&number.get(), &number.get());
  EXPECT_TRUE(in_child([&] { return number.get() == 0; }));
  EXPECT_EQ(number.get(), 7);
}

TEST(OnePerProcess, AChildIsNotHeldUpByAMutexThatItsParentHolds) {
  static OnePerProcess<std::mutex> mutex;
  const std::lock_guard<std::mutex> held(mutex.get());
  EXPECT_TRUE(in_child([&] {
    const std::lock_guard<std::mutex> own(mutex.get());
    return true;
  }));
}

}  // namespace
}  // namespace atoll_core::process
