#include "transport/network.h"

#include <system_error>
#include <utility>

#include "transport/candidate_race.h"
#include "transport/control_client.h"
#include "transport/listener.h"
#include "transport/loop.h"
#include "transport/socket_options.h"
#include "transport/turn_timer.h"

namespace atoll_core::transport {
namespace {

class AsioNetwork final : public Network {
 public:
  explicit AsioNetwork(NetworkConfig config)
      : config_(std::move(config)), work_(loop_.context().get_executor()), timer_(loop_) {}

  Result<void> listen(HelloHandler on_hello, AcceptHandler on_accept) {
    auto listener = Listener::open(loop_, config_, std::move(on_hello), std::move(on_accept));
    if (!listener) return tl::unexpected<Error>(listener.error());
    listener_ = std::move(*listener);
    return {};
  }

  uint16_t listening_port() const override { return listener_->port(); }

  void dial(std::vector<Endpoint> candidates, wire::Hello hello, Duration timeout,
            DialHandler handler) override {
    RaceOptions options;
    options.candidates = std::move(candidates);
    options.timeout = timeout;
    options.buffer_sizes = {config_.socket_send_buffer, config_.socket_receive_buffer};
    options.hello = hello;
    options.names = config_.names;
    const bool keep = hello.role != wire::HelloRole::kProbe;
    CandidateRace::start(loop_, std::move(options),
                         [this, keep, handler = std::move(handler)](RaceOutcome race) {
                           handler(outcome_of(std::move(race), keep));
                         });
  }

  void open_control(std::vector<Endpoint> candidates, Duration timeout,
                    ControlHandler handler) override {
    close_control();
    control_ = ControlClient::open(loop_, std::move(candidates), timeout, std::move(handler),
                                   *config_.names, pulse_);
  }

  void send_control(std::string bytes) override {
    if (control_) control_->send(std::move(bytes));
  }

  void set_pulse(std::string heartbeat, Duration interval) override {
    pulse_->set(std::move(heartbeat), interval);
  }

  void beat() override { pulse_->beat(now()); }

  void close_control() override {
    if (control_) std::exchange(control_, nullptr)->close();
  }

  void set_timer(TimePoint when, TimerHandler handler) override {
    timer_.set(when, std::move(handler));
  }

  void post(std::function<void()> task) override {
    asio::post(loop_.context(), [this, task = std::move(task)] { loop_.turn(task); });
  }

  void stop() override { loop_.context().stop(); }

  void run() override {
    loop_.context().run();
    loop_.context().restart();  // so that it may be run again
  }

  void take_turn(const std::function<void()>& callback) override { loop_.turn(callback); }

  bool run_ready(Duration quiet) override {
    if (loop_.context().poll() == 0) return false;
    while (loop_.context().run_one_for(quiet) > 0) {
    }
    return true;
  }

  void run_until(const std::function<bool()>& done) override {
    while (!done() && loop_.context().run_one() > 0) {
    }
  }

  void run_until(const std::function<bool()>& done, TimePoint then) override {
    while (!done() && !loop_.context().stopped()) {
      const Duration left = then - now();
      if (left <= Duration::zero()) break;
      loop_.context().run_one_for(left);
    }
  }

  bool at_rest() const override {
    return loop_.at_rest() && (control_ == nullptr || control_->at_rest());
  }

 private:
  DialOutcome outcome_of(RaceOutcome race, bool keep) {
    DialOutcome outcome;
    outcome.failure = race.failure;
    outcome.reason = std::move(race.reason);
    outcome.refused_at = std::move(race.refused_at);
    if (!race.socket) return outcome;
    outcome.answered = true;
    outcome.address = race.remote;
    outcome.answer = *race.answer;
    outcome.rtt_us = race.rtt_us;
    outcome.goes_by_rate = race.goes_by_rate;
    if (keep) outcome.connection = loop_.adopt(std::move(*race.socket), std::move(race.remote));
    return outcome;
  }

  Loop loop_;  // first: everything below holds sockets and timers of it
  NetworkConfig config_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<Listener> listener_;
  std::shared_ptr<ControlClient> control_;
  const std::shared_ptr<ControlPulse> pulse_ = std::make_shared<ControlPulse>();
  TurnTimer timer_;
};

}  // namespace

Result<std::unique_ptr<Network>> Network::create(NetworkConfig config, HelloHandler on_hello,
                                                 AcceptHandler on_accept) {
  std::unique_ptr<AsioNetwork> network;
  try {
    network = std::make_unique<AsioNetwork>(std::move(config));
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kSystemError, "no event loop: {}", words_of(error.code()));
  }
  if (auto listening = network->listen(std::move(on_hello), std::move(on_accept)); !listening) {
    return tl::unexpected<Error>(listening.error());
  }
  return std::unique_ptr<Network>(std::move(network));
}

TimePoint Network::now() { return steady_now(); }

}  // namespace atoll_core::transport
