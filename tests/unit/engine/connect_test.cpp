// Connecting, where it cannot be.
#include <optional>

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace atoll_core::engine {
namespace {

TEST(Connect, EndsAtOnceForOneThatHasLeftAndSaysWhy) {
  EngineConfig config;
  config.membership.self.session = {1, 1};
  config.membership.self.name = "island";
  Engine engine(config);
  engine.abort(TimePoint{}, {ErrorCode::kAborted, "the caller has had enough"});
  engine.connect(TimePoint{}, 7);
  std::vector<EngineOutput> outputs;
  engine.take_outputs(outputs);
  std::optional<Error> ended;
  for (const EngineOutput& item : outputs) {
    const auto* call = std::get_if<CallEnded>(&item);
    if (call != nullptr && call->call == 7 && !call->result) ended = call->result.error();
  }
  ASSERT_TRUE(ended) << "the call waits for ever";
  EXPECT_NE(ended->message.find("had enough"), std::string::npos) << ended->message;
}

}  // namespace
}  // namespace atoll_core::engine
