// The one connection to the coordinator: bytes in both directions, sent in order.
//
// Its life: dialling, connected, then either failed (on_failed was called) or closing (nobody
// listens any more; what was queued is sent for at most kFlushTime, then the socket is closed).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "transport/asio_headers.h"
#include "transport/candidate_race.h"
#include "transport/control_pulse.h"
#include "transport/loop.h"
#include "transport/network.h"

namespace atoll_core::transport {

class ControlClient : public std::enable_shared_from_this<ControlClient> {
 public:
  static constexpr std::chrono::milliseconds kFlushTime{200};

  static std::shared_ptr<ControlClient> open(Loop& loop, std::vector<Endpoint> candidates,
                                             Duration timeout, Network::ControlHandler handler,
                                             names::NameLookups& names =
                                                 names::NameLookups::of_system(),
                                             std::shared_ptr<ControlPulse> pulse = nullptr);

  // They go at the end of the turn, so that they hold up no data, or when the connection is made.
  void send(std::string bytes);
  void close();
  bool at_rest() const { return sending_.empty() && queued_.empty(); }

 private:
  ControlClient(Loop& loop, Network::ControlHandler handler);

  void on_race_over(RaceOutcome outcome);
  void receive();
  void send_queued();
  void flush();
  void shut_down();
  void fail(const std::string& reason);
  void end_pulse();

  Loop& loop_;
  // Shared, since a callback may drop it while it runs; null: failed or closing.
  std::shared_ptr<Network::ControlHandler> handler_;
  std::shared_ptr<CandidateRace> race_;  // while dialling
  std::optional<tcp::socket> socket_;    // while connected or closing
  asio::steady_timer flush_deadline_;
  std::shared_ptr<ControlPulse> pulse_;  // null: nobody else writes, or not any more
  std::string remote_;
  std::string sending_;  // handed to the socket; empty: nothing is
  std::string queued_;   // behind it
  bool due_ = false;     // at the end of the turn
  std::array<std::byte, 64u << 10> received_{};
};

}  // namespace atoll_core::transport
