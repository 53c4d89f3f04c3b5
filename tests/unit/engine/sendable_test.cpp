// What a peer cannot send is an error here, and not its being thrown out by the coordinator.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "wire/control_framing.h"

namespace atoll_core::engine {
namespace {

TEST(UnsendableMessage, EndsThePeerThatWouldSendItWithATypedError) {
  EngineConfig config;
  config.membership.self.session = {1, 1};
  config.membership.self.name = "isl\xFF";
  Engine engine(config);
  engine.connect(TimePoint{}, 7);
  engine.on_control_connected(TimePoint{});
  std::vector<EngineOutput> outputs;
  engine.take_outputs(outputs);
  std::optional<Error> ended;
  std::string sent;
  for (const EngineOutput& item : outputs) {
    if (const auto* call = std::get_if<CallEnded>(&item)) {
      ASSERT_EQ(call->call, 7u);
      ASSERT_FALSE(call->result);
      ended = call->result.error();
    } else if (const auto* send = std::get_if<output::SendControl>(&item)) {
      sent += send->bytes;
    }
  }
  ASSERT_TRUE(ended) << "the call waits for ever";
  EXPECT_EQ(ended->code, ErrorCode::kInternalError);
  EXPECT_NE(ended->message.find("register.peer.name is not printable"), std::string::npos)
      << ended->message;
  std::vector<std::string> messages;
  ASSERT_TRUE(wire::ControlFramer().feed(as_bytes(sent), messages));
  for (const std::string& message : messages) {
    EXPECT_TRUE(wire::decode_to_coordinator(message)) << "the coordinator reads all that is sent";
  }
}

}  // namespace
}  // namespace atoll_core::engine
