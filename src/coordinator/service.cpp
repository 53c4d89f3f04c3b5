#include "coordinator/service.h"

#include <atomic>
#include <exception>
#include <utility>

#include "base/field_rules.h"
#include "base/limits.h"
#include "coordinator/control_server.h"
#include "coordinator/event_loop.h"
#include "coordinator/listener.h"
#include "coordinator/snapshot_store.h"
#include "crypto/pair_tickets.h"
#include "crypto/random.h"
#include "membership/common/reconnect_times.h"

namespace atoll_core::coordinator {
namespace {

Result<void> check(const ServiceConfig& config) {
  if (const std::string problem = problem_with_name(config.run); !problem.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the run id {}", problem);
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
  if (config.instance && config.new_run) {
    return fail(ErrorCode::kInvalidArgument,
                "a coordinator cannot begin a new run and go on with instance {}",
                to_string(config.instance));
  }
  if (config.rejoin_window < std::chrono::milliseconds(1)) {
    return fail(ErrorCode::kInvalidArgument, "the rejoin window is {} ms, it must be at least 1",
                to_ms(config.rejoin_window));
  }
  return {};
}

using Store = std::shared_ptr<SnapshotStore>;

Result<Store> open_store(const ServiceConfig& config,
                         const std::shared_ptr<spdlog::logger>& logger) {
  if (config.state_dir.empty()) return Store();
  auto store = SnapshotStore::open(config.state_dir, config.run, logger);
  if (!store) return tl::unexpected(store.error());
  return std::make_shared<SnapshotStore>(std::move(*store));
}

ControlServerConfig server_config(const ServiceConfig& config, const Store& store) {
  ControlServerConfig server;
  server.machine.run = config.run;
  server.machine.min_replicas = config.min_replicas;
  server.machine.heartbeat_interval = config.heartbeat_interval;
  server.machine.peer_timeout = config.peer_timeout;
  server.machine.rejoin_window = config.rejoin_window;
  membership::StartFacts& start = server.machine.start;
  start.no_former_run = config.new_run;
  // Of a port that the kernel chooses no peer can know from before.
  const bool nobody =
      config.new_run || config.listen.port == 0 || (store && store->surely_empty());
  start.delay = Duration::zero();
  if (!nobody) start.delay = membership::former_members_may_come(config.peer_timeout);
  start.only_instance = static_cast<bool>(config.instance);
  if (start.only_instance) start.instance = config.instance;
  else if (store && !config.new_run) start.instance = store->last_instance();
  server.machine.accept_lower_revision = config.accept_lower_revision;
  server.machine.draw_instance = [] {
    InstanceId instance;
    while (!instance) instance = {crypto::random_u64(), crypto::random_u64()};
    return instance;
  };
  server.machine.ticket = [tickets = std::make_shared<crypto::PairTickets>()](
                              PeerId one, PeerId other) { return tickets->of(one, other); };
  const uint32_t last = store ? store->last_incarnation() : 0;
  server.incarnation = {last + 1, static_cast<uint32_t>(crypto::random_u64())};
  if (store) server.save = [store](const wire::Snapshot& snapshot) { store->save(snapshot); };
  server.connections_max = config.connections_max;
  server.connection.queue_bytes_max = limits::kControlQueueBytes;
  server.slow_readers.bytes = config.queue_bytes_in_all;
  return server;
}

class LoopService final : public Service {
 public:
  LoopService(std::unique_ptr<EventLoop> loop, const ServiceConfig& config,
              std::shared_ptr<spdlog::logger> logger, const Store& store)
      : loop_(std::move(loop)),
        logger_(std::move(logger)),
        server_(*loop_, server_config(config, store), logger_) {
    loop_->on_deadline([this] { server_.tick(); });
    loop_->on_turn_end([this] { server_.finish_turn(); });
  }

  // Handles of the listener and of connections must be closed while these still live.
  ~LoopService() override { loop_->drain(); }

  Result<void> listen(const ServiceConfig& config) {
    auto listener =
        Listener::open(*loop_, config.listen, config.insecure,
                       [this](const Result<int>& socket) { server_.accept(socket); });
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
    const std::string elsewhere = server_.stepped_down();
    server_.close_all();
    loop_->drain();
    listener_->close();
    if (!result) return result;
    logger_->info("stopped");
    if (elsewhere.empty()) return {};
    return fail(ErrorCode::kSteppedDown, "the coordinator on {} has stepped down: {}",
                to_string(address()), elsewhere);
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
    auto logger = process::make_logger("coordinator", config.log);
    auto store = open_store(config, logger);
    if (!store) return tl::unexpected(store.error());
    auto service =
        std::make_unique<LoopService>(std::move(*loop), config, std::move(logger), *store);
    if (auto listening = service->listen(config); !listening) {
      return tl::unexpected(listening.error());
    }
    return service;
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kSystemError, "cannot create a coordinator: {}", exception.what());
  }
}

}  // namespace atoll_core::coordinator
