#include "engine/answered_endpoints.h"

#include <gtest/gtest.h>

namespace atoll_core::engine {
namespace {

TEST(AnsweredEndpoints, KeepsSoManyOfASession) {
  AnsweredEndpoints answered;
  const SessionId session{1, 2};
  for (size_t i = 0; i <= limits::kAnsweredPerSession; ++i) {
    answered.note(session, std::to_string(i));
  }
  EXPECT_TRUE(answered.proves_death(session, {std::to_string(limits::kAnsweredPerSession - 1)}));
  EXPECT_FALSE(answered.proves_death(session, {std::to_string(limits::kAnsweredPerSession)}));
  answered.keep_only({});
  EXPECT_FALSE(answered.any(session));
}

}  // namespace
}  // namespace atoll_core::engine
