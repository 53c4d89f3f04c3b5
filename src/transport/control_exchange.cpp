#include "transport/control_exchange.h"

#include <utility>

#include "transport/control_client.h"
#include "transport/loop.h"

namespace atoll_core::transport {

Result<void> control_exchange(const std::vector<Endpoint>& candidates, Duration timeout,
                              std::string question, const std::function<bool(ByteSpan)>& take,
                              names::NameLookups& names) {
  bool answered = false;
  std::string failure;
  Loop loop;
  Network::ControlHandler handler;
  handler.on_bytes = [&](ByteSpan bytes) {
    answered = take(bytes);
    if (answered) loop.context().stop();
  };
  std::string waits;
  handler.on_waiting = [&](const std::string& what) { waits = what; };
  handler.on_connected = [&](const Network::ControlEnds&) { waits.clear(); };
  handler.on_failed = [&](const std::string& reason) {
    failure = reason;
    loop.context().stop();
  };
  const auto client = ControlClient::open(loop, candidates, timeout, std::move(handler), names);
  client->send(std::move(question));
  loop.context().run_for(timeout);
  client->close();
  if (answered) return {};
  if (failure.empty()) {
    failure = fmt::format("no answer from {} within {} ms{}{}", to_string(candidates.front()),
                          to_ms(timeout), waits.empty() ? "" : ": ", waits);
  }
  return atoll_core::fail(ErrorCode::kCoordinatorUnreachable, "{}", failure);
}

}  // namespace atoll_core::transport
