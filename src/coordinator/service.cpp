#include "coordinator/service.h"

#include <atomic>
#include <exception>
#include <utility>

#include "base/limits.h"
#include "coordinator/control_server.h"
#include "coordinator/event_loop.h"
#include "coordinator/listener.h"
#include "crypto/random.h"

namespace atoll_core::coordinator {
namespace {

constexpr uint32_t kFirstIncarnation = 1;

Result<void> check(const ServiceConfig& config) {
  if (config.run.size() > limits::kNameBytes) {
    return fail(ErrorCode::kInvalidArgument, "the run id has {} bytes, at most {} are allowed",
                config.run.size(), limits::kNameBytes);
  }
  if (config.min_replicas == 0 || config.min_replicas > limits::kPeers) {
    return fail(ErrorCode::kInvalidArgument, "min_replicas is {}, it must be 1 to {}",
                config.min_replicas, limits::kPeers);
  }
  if (config.heartbeat_interval < std::chrono::milliseconds(1)) {
    return fail(ErrorCode::kInvalidArgument,
                "the heartbeat interval is {} ms, it must be at least 1",
                to_ms(config.heartbeat_interval));
  }
  if (config.peer_timeout < 2 * config.heartbeat_interval) {
    return fail(ErrorCode::kInvalidArgument,
                "the peer timeout of {} ms is less than two heartbeat intervals of {} ms: one late "
                "heartbeat would drop a peer",
                to_ms(config.peer_timeout), to_ms(config.heartbeat_interval));
  }
  return {};
}

ControlServerConfig server_config(const ServiceConfig& config) {
  ControlServerConfig server;
  server.machine.run = config.run;
  server.machine.min_replicas = config.min_replicas;
  server.machine.heartbeat_interval = config.heartbeat_interval;
  server.machine.peer_timeout = config.peer_timeout;
  server.incarnation = {kFirstIncarnation, static_cast<uint32_t>(crypto::random_u64())};
  server.connections_max = config.connections_max;
  server.connection.queue_bytes_max = limits::kControlQueueBytes;
  return server;
}

class LoopService final : public Service {
 public:
  LoopService(std::unique_ptr<EventLoop> loop, const ServiceConfig& config)
      : loop_(std::move(loop)),
        logger_(make_logger("coordinator", config.log)),
        server_(*loop_, server_config(config), logger_) {
    loop_->on_deadline([this] { server_.tick(); });
  }

  // Handles of the listener and of connections must be closed while these still live.
  ~LoopService() override { loop_->drain(); }

  Result<void> listen(const ServiceConfig& config) {
    auto listener =
        Listener::open(*loop_, config.listen, config.insecure,
                       [this](uv_stream_t* server, int status) { server_.accept(server, status); });
    if (!listener) return tl::unexpected(listener.error());
    listener_ = std::move(*listener);
    if (config.handle_signals) return loop_->stop_on_signals();
    return {};
  }

  Endpoint address() const override { return listener_->address(); }

  Result<void> run() override {
    if (started_.exchange(true)) {
      return fail(ErrorCode::kInvalidUsage, "the coordinator on {} was run before",
                  to_string(address()));
    }
    logger_->info("listening on {}", to_string(address()));
    loop_->guard([this] { server_.tick(); });
    auto result = loop_->run();
    if (!result) logger_->error("stopped: {}", result.error().message);
    server_.close_all();
    loop_->drain();
    if (result) logger_->info("stopped");
    return result;
  }

  void stop() override { loop_->stop(); }

 private:
  std::unique_ptr<EventLoop> loop_;
  std::shared_ptr<spdlog::logger> logger_;
  ControlServer server_;
  std::unique_ptr<Listener> listener_;
  std::atomic<bool> started_{false};
};

}  // namespace

Result<std::unique_ptr<Service>> Service::create(ServiceConfig config) {
  try {
    if (auto checked = check(config); !checked) return tl::unexpected(checked.error());
    auto loop = EventLoop::create();
    if (!loop) return tl::unexpected(loop.error());
    auto service = std::make_unique<LoopService>(std::move(*loop), config);
    if (auto listening = service->listen(config); !listening) {
      return tl::unexpected(listening.error());
    }
    return service;
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kSystemError, "cannot create a coordinator: {}", exception.what());
  }
}

}  // namespace atoll_core::coordinator
