#include "transport/control_exchange.h"

#include <utility>

#include "transport/control_client.h"
#include "transport/loop.h"

namespace atoll_core::transport {

Result<void> control_exchange(const std::vector<Endpoint>& candidates, Duration timeout,
                              std::string question, const std::function<bool(ByteSpan)>& take) {
  bool answered = false;
  std::string failure;
  Loop loop;
  Network::ControlHandler handler;
  handler.on_bytes = [&](ByteSpan bytes) {
    answered = take(bytes);
    if (answered) loop.context().stop();
  };
  handler.on_failed = [&](const std::string& reason) {
    failure = reason;
    loop.context().stop();
  };
  const auto client = ControlClient::open(loop, candidates, timeout, std::move(handler));
  client->send(std::move(question));
  loop.context().run_for(timeout);
  client->close();
  if (answered) return {};
  if (failure.empty()) {
    failure = fmt::format("no answer from {} within {} ms", to_string(candidates.front()),
                          to_ms(timeout));
  }
  return atoll_core::fail(ErrorCode::kCoordinatorUnreachable, "{}", failure);
}

}  // namespace atoll_core::transport
