// Carries out what the engine asks for: connections to peers and to the coordinator, ends of calls.
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "membership/common/reconnect_times.h"
#include "peer/session.h"
#include "peer/stream.h"
#include "transport/addresses.h"

namespace atoll_core::peer {

namespace output = engine::output;

void Session::carry_out(engine::EngineOutput& item) {
  if (auto* wake = std::get_if<output::WakeWriter>(&item)) {
    const auto found = streams_.find(wake->key);
    if (found != streams_.end()) found->second->wake_writer();
  } else if (auto* ended = std::get_if<engine::CallEnded>(&item)) {
    finish(ended->call, std::move(ended->result));
  } else if (auto* send = std::get_if<output::SendControl>(&item)) {
    network_->send_control(std::move(send->bytes));
  } else if (auto* pulse = std::get_if<output::Pulse>(&item)) {
    network_->set_pulse(std::move(pulse->heartbeat), pulse->interval);
  } else if (auto* log = std::get_if<output::Log>(&item)) {
    config_.logger->log(static_cast<spdlog::level::level_enum>(log->level), log->text);
  } else if (auto* dial_request = std::get_if<output::Dial>(&item)) {
    dial(*dial_request);
  } else if (auto* start = std::get_if<output::StartConnection>(&item)) {
    start_connection(start->key);
  } else if (auto* close = std::get_if<output::CloseConnection>(&item)) {
    close_connection(close->key, close->cut);
  } else if (const auto* open = std::get_if<output::OpenControl>(&item)) {
    open_control(open->address);
  } else if (std::holds_alternative<output::CloseControl>(item)) {
    network_->close_control();
  } else if (auto* moment = std::get_if<output::Trace>(&item)) {
    if (config_.engine.trace) config_.engine.trace(moment->point);
  } else if (auto* gone = std::get_if<output::Left>(&item)) {
    config_.logger->info("left the run: {}", gone->error.message);
    finish_leaving();
  }
}

void Session::open_control(uint32_t address) {
  network_->open_control(
      {config_.coordinators.at(address)}, membership::kControlDialTimeout,
      transport::Network::ControlHandler{
          [this](const std::string& what) { engine_->on_control_waiting(what); },
          [this](const transport::Network::ControlEnds& ends) {
            find_own_addresses(ends);
            engine_->on_control_connected(transport::Network::now());
            pump();
          },
          [this](ByteSpan bytes) {
            engine_->on_control_bytes(transport::Network::now(), bytes);
            pump();
          },
          [this](const std::string& reason) {
            engine_->on_control_failed(transport::Network::now(), reason);
            pump();
          }});
}

// They may have changed since the last connection to a coordinator.
void Session::find_own_addresses(const transport::Network::ControlEnds& ends) {
  if (!finds_own_addresses_) return;
  std::string why;
  std::vector<Endpoint> found = transport::local_candidates(listening_port_, ends, &why);
  if (found == engine_->self().endpoints) return;
  config_.logger->info("advertising {}", why);
  engine_->set_endpoints(transport::Network::now(), std::move(found));
}

void Session::dial(output::Dial& request) {
  network_->dial(request.candidates, request.hello, request.timeout,
                 [this, id = request.dial](transport::DialOutcome outcome) {
                   engine::DialResult result;
                   if (outcome.connection != nullptr) result.key = adopt(outcome.connection);
                   result.answered = outcome.answered;
                   result.answer = outcome.answer;
                   result.rtt_us = outcome.rtt_us;
                   result.goes_by_rate = outcome.goes_by_rate;
                   result.address = outcome.address;
                   result.refused = outcome.failure == transport::DialFailure::kRefused;
                   result.refused_at = outcome.refused_at;
                   result.reason = outcome.reason;
                   engine_->on_dialed(transport::Network::now(), id, result);
                   pump();
                 });
}

link::ConnectionKey Session::adopt(transport::Connection* connection) {
  const link::ConnectionKey key = next_key_++;
  streams_.emplace(key, std::make_unique<Stream>(*this, key, *connection));
  return key;
}

void Session::start_connection(link::ConnectionKey key) {
  const auto found = streams_.find(key);
  if (found != streams_.end()) found->second->start();
}

void Session::close_connection(link::ConnectionKey key, bool cut) {
  const auto found = streams_.find(key);
  if (found == streams_.end()) return;
  if (cut) found->second->cut();
  else found->second->close();
  // The stream may be the one whose callback we are in: it goes when the loop is back.
  network_->post([stream = std::shared_ptr<Stream>(std::move(found->second))] {});
  streams_.erase(found);
}

}  // namespace atoll_core::peer
