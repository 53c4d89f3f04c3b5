#include "base/error.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"

namespace atoll_core {
namespace {

using testing::HasSubstr;

struct Named {
  int number;
  std::string_view name;
};

// The numbers and names are the public ones of atoll.h and may never change.
constexpr Named kAllCodes[] = {
    {0, "atollSuccess"},
    {1, "atollInProgress"},
    {100, "atollInvalidArgument"},
    {101, "atollInvalidUsage"},
    {102, "atollMismatch"},
    {103, "atollUnsupported"},
    {104, "atollDuplicatePeer"},
    {105, "atollVersionMismatch"},
    {106, "atollStateConflict"},
    {107, "atollOtherInstance"},
    {108, "atollSteppedDown"},
    {200, "atollPeerLost"},
    {201, "atollAborted"},
    {202, "atollTimeout"},
    {203, "atollCancelled"},
    {204, "atollRootLost"},
    {300, "atollCoordinatorUnreachable"},
    {301, "atollOutcomeUnknown"},
    {302, "atollEvicted"},
    {303, "atollNotConnected"},
    {400, "atollOutOfMemory"},
    {401, "atollSystemError"},
    {500, "atollInternalError"},
};

TEST(ErrorName, EveryCodeHasItsPublicName) {
  for (const Named& code : kAllCodes) {
    EXPECT_EQ(error_name(static_cast<ErrorCode>(code.number)), code.name);
  }
}

TEST(ErrorName, OtherNumbersHaveNone) {
  std::set<int> known;
  for (const Named& code : kAllCodes) known.insert(code.number);
  for (int number = -10; number < 1000; ++number) {
    if (known.contains(number)) continue;
    EXPECT_EQ(error_name(static_cast<ErrorCode>(number)), "unknown error code") << number;
  }
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalidArgument, "{} is odd, says {}", value, "half");
  return value / 2;
}

TEST(Result, CarriesTheValueOrTheSentence) {
  EXPECT_EQ(half(8).value(), 4);
  const auto failed = half(7);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error(), (Error{ErrorCode::kInvalidArgument, "7 is odd, says half"}));
}

TEST(Assert, HoldsSilently) {
  const int a = 4;
  EXPECT_NO_THROW(ATOLL_ASSERT(a == 4, "a={}", a));
}

TEST(Assert, ThrowsWithPlaceConditionAndValues) {
  const int a = 4;
  const int b = 5;
  try {
    ATOLL_ASSERT(a == b, "a={} b={}", a, b);
    FAIL() << "nothing was thrown";
  } catch (const BrokenInvariant& broken) {
    EXPECT_THAT(broken.what(), HasSubstr("error_test.cpp:"));
    EXPECT_THAT(broken.what(), HasSubstr("broken invariant: a == b"));
    EXPECT_THAT(broken.what(), HasSubstr("(a=4 b=5)"));
  }
}

TEST(Assert, FormatsOnlyWhenItFails) {
  int formatted = 0;
  const auto value = [&formatted] { return ++formatted; };
  ATOLL_ASSERT(true, "{}", value());
  EXPECT_EQ(formatted, 0);
  EXPECT_THROW(ATOLL_ASSERT(false, "{}", value()), BrokenInvariant);
  EXPECT_EQ(formatted, 1);
}

}  // namespace
}  // namespace atoll_core
