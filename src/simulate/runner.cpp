#include "simulate/runner.h"

#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "simulate/application.h"
#include "simulate/fault_plan.h"
#include "simulate/world.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kQuietLimit = std::chrono::minutes(5);  // in which all must be well again
constexpr Duration kOperatorLooks = std::chrono::seconds(15);
constexpr Duration kFaultsLimit = std::chrono::seconds(60);
constexpr uint64_t kQuietPositions = 3;  // that everybody passes after the last fault

WorldConfig world_config(Random& random, const RunOptions& options) {
  WorldConfig config;
  config.seed = random.bits();
  config.bytes_per_move_max = 1u << random.between(10, 17);
  config.bytes_per_second = random.one_in(3) ? 4'000'000 : 100'000'000;
  if (random.one_in(3)) config.data_delays.most = milliseconds(80);
  if (random.one_in(3)) config.control_delays.most = milliseconds(80);
  config.coordinator.run = config.engine.membership.run = "simulated";
  config.coordinator.peer_timeout = seconds(3);
  if (random.one_in(options.often_two_coordinators ? 2 : 4)) config.coordinators = 2;
  config.engine.connections_per_link = static_cast<uint32_t>(random.between(0, 3));
  config.engine.chunk_bytes = 1u << random.between(9, 17);
  if (random.one_in(2)) config.engine.rate_stretch = {milliseconds(5), 16u << 10};
  config.engine.outcome_grace = seconds(5);
  config.engine.membership.coordinator_timeout = seconds(30);
  config.engine.arrival_timeout = seconds(60);
  config.engine.update_timeout = seconds(60);
  // By dice of its own, so that nothing else in the run depends on it.
  Random cap(Random::mix(options.seed ^ 0xCA9));
  if (cap.one_in(2)) config.engine.results_kept = {cap.between(2, 12), 64u << 10};
  return config;
}

// Ways that differ by pair, by island or not at all, so that plans do.
std::function<Path(ProcessId, ProcessId)> random_paths(Random& random) {
  const uint64_t seed = random.bits();
  const auto longest = std::chrono::microseconds(random.one_in(2) ? 60'000 : 3000);
  const uint64_t islands = random.between(1, 4);
  const bool rates = random.one_in(2);
  switch (random.below(3)) {
    case 0: return {};
    case 1:
      return [=](ProcessId one, ProcessId other) {
        Random pair(Random::mix(seed ^ (one << 32 | other)));
        return Path{pair.between(Duration{0}, longest),
                    rates ? pair.between(1'000'000, 100'000'000) : 0};
      };
    default: break;
  }
  return [=](ProcessId one, ProcessId other) {
    const bool same = one % islands == other % islands;
    return Path{same ? Duration{0} : longest, rates && !same ? 2'000'000u : 0u};
  };
}

ApplicationConfig application_config(Random& random, const RunOptions& options) {
  ApplicationConfig config;
  config.seed = random.bits();
  const auto peers = options.peers > 0 ? options.peers
                                       : static_cast<uint32_t>(random.between(2, 8));
  const bool several = random.one_in(options.often_several_shards ? 1 : 3);
  config.shards = several ? static_cast<uint32_t>(random.between(2, 3)) : 1;
  if (peers % config.shards != 0) config.shards = 1;
  config.replicas = peers / config.shards;
  config.replicas_max = config.replicas + 2;
  return config;
}

// Passes on to all checkers, in order.
class Observers final : public CallObserver {
 public:
  void add(std::unique_ptr<Checker> checker) { checkers_.push_back(std::move(checker)); }
  void call_began(const CallRecord& record) override {
    for (const auto& checker : checkers_) checker->call_began(record);
  }
  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    for (const auto& checker : checkers_) checker->call_ended(record, result);
  }
  void after_event() {
    for (const auto& checker : checkers_) checker->after_event();
  }
  void at_end() {
    for (const auto& checker : checkers_) checker->at_end();
  }

 private:
  std::vector<std::unique_ptr<Checker>> checkers_;
};

// Counts how calls end; complains of nothing.
class Counter final : public Checker {
 public:
  explicit Counter(CheckContext& context) : Checker(context, "counter") {}

  void call_began(const CallRecord& record) override {
    context_.statistics->add(Count::kCalls);
    tell(record, "begins");
  }

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    tell(record, result ? "is done" : "fails: " + result.error().message);
    if (record.name.empty()) return;
    Statistics& count = *context_.statistics;
    if (!result) {
      count.add(is_unknown(result) ? Count::kUnknown : Count::kAborts);
      if (result.error().code == ErrorCode::kCancelled) count.add(Count::kCancelled);
      if (result.error().code == ErrorCode::kTimeout) count.add(Count::kTimedOut);
      return;
    }
    count.add(Count::kCommits);
    if (const auto* info = std::get_if<engine::CollectiveInfo>(&*result)) {
      if (info->attempts > 1) count.add(Count::kRetries);
    } else if (const auto* sync = std::get_if<engine::SyncInfo>(&*result)) {
      count.add(Count::kSyncs);
      if (sync->bytes_received > 0) count.add(Count::kFetches);
      if (sync->attempts > 1) count.add(Count::kRetries);
    }
  }

 private:
  void tell(const CallRecord& record, const std::string& what) {
    context_.world->tell(record.who, record.text() + " " + what);
  }
};

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options),
        random_(Random::mix(options.seed)),
        application_config_(application_config(random_, options)),
        world_config_(make_world_config()),
        world_(world_config_) {
    report_.seed = options.seed;
    report_.setting = fmt::format("{} replicas of {} shards, {} at first, {} coordinators",
                                  application_config_.replicas, application_config_.shards,
                                  world_config_.coordinator.min_replicas,
                                  world_config_.coordinators);
    prepare();
    application_ = std::make_unique<Application>(world_, observers_, application_config_);
    context_.application = application_.get();
    faults_ = std::make_unique<FaultPlan>(world_, *application_, context_, fault_config());
  }

  Report run() {
    try {
      if (!play()) complain_of_those_who_hang();
    } catch (const std::exception& exception) {
      context_.violations.push_back({"assertion", exception.what()});
    }
    finish();
    return std::move(report_);
  }

 private:
  WorldConfig make_world_config() {
    WorldConfig config = world_config(random_, options_);
    config.path = random_paths(random_);
    config.coordinator.min_replicas =
        random_.one_in(2)
            ? 1
            : static_cast<uint32_t>(random_.between(1, application_config_.replicas));
    return config;
  }

  void prepare() {
    context_.world = &world_;
    context_.statistics = &report_.statistics;
    context_.outcome_grace = world_config_.engine.outcome_grace;
    observers_.add(make_view_checker(context_));
    observers_.add(std::make_unique<Counter>(context_));
    observers_.add(make_verdict_checker(context_));
    observers_.add(make_contribution_checker(context_));
    observers_.add(make_parity_checker(context_));
    observers_.add(make_loss_checker(context_));
    observers_.add(make_kept_checker(context_));
    observers_.add(make_driving_checker(context_));
    observers_.add(make_liveness_checker(context_));
    if (!options_.trace) return;
    world_.on_note([this](const std::string& who, const std::string& what) {
      options_.trace(fmt::format("{:>12.3f} ms  {:<12} {}", now_ms(), who, what));
    });
  }

  double now_ms() const {
    return std::chrono::duration<double, std::milli>(world_.now() - begin_).count();
  }

  FaultConfig fault_config() {
    FaultConfig config;
    config.seed = random_.bits();
    config.faults = random_.between(3, 16);
    config.within_events = std::max<uint64_t>(options_.events, 1000) * 2;
    config.mix = options_.mix;
    return config;
  }

  // False: it is not well again in time.
  bool play() {
    const TimePoint faults_end = begin_ + kFaultsLimit;
    step_until([&] {
      faults_->after_event();
      return (faults_->over() && world_.steps() >= options_.events) || world_.now() >= faults_end;
    });
    if (!context_.violations.empty()) return true;
    world_.tell("faults", "are over");
    faults_->end();
    context_.quiet = true;
    for (const auto& trainer : application_->trainers()) quiet_.push_back(trainer->progress);
    const TimePoint limit = world_.now() + kQuietLimit;
    bool well = false;
    step_until([&] {
      if (world_.now() >= next_look_) look_after_the_run();
      return (well = all_are_well()) || world_.now() >= limit;
    });
    if (context_.violations.empty()) observers_.at_end();
    return well || !context_.violations.empty();
  }

  // As an operator would. A coordinator that was started again and knows nothing does not begin a
  // run where there are others: it must be told that the run is lost.
  void look_after_the_run() {
    next_look_ = world_.now() + kOperatorLooks;
    if (world_.coordinators() == 1) return;
    for (const ProcessId process : world_.living()) {
      if (world_.engine(process).view() && !world_.left(process)) return;
    }
    for (size_t address = 0; address < world_.coordinators(); ++address) {
      if (!world_.coordinator(address).running()) return;
    }
    world_.begin_again();
  }

  template <class Done>
  void step_until(const Done& done) {
    while (context_.violations.empty() && !done()) {
      if (!world_.step()) return;
      observers_.after_event();
    }
  }

  bool is_well(size_t index) const {
    const Trainer& trainer = *application_->trainers()[index];
    return application_->alive(trainer) && trainer.member && !world_.left(trainer.process) &&
           trainer.progress >= quiet_[index] + kQuietPositions;
  }

  bool all_are_well() const {
    for (size_t i = 0; i < quiet_.size(); ++i) {
      if (!is_well(i)) return false;
    }
    return true;
  }

  void complain_of_those_who_hang() {
    for (size_t i = 0; i < quiet_.size(); ++i) {
      if (is_well(i)) continue;
      const Trainer& trainer = *application_->trainers()[i];
      std::string open;
      for (const auto& [number, record] : trainer.calls) {
        open += fmt::format("; open since {:.0f} ms: {}",
                            std::chrono::duration<double, std::milli>(record.began - begin_)
                                .count(), record.text());
      }
      context_.violations.push_back(
          {"liveness", fmt::format("{} ms after the last fault {} {} at position {} of {}{}",
                                   to_ms(kQuietLimit), trainer.identity.name,
                                   trainer.member ? "hangs" : "is not in the run",
                                   trainer.position, to_string(trainer.generation), open)});
    }
  }

  void finish() {
    Statistics& count = report_.statistics;
    count.add(Count::kEvents, world_.steps());
    for (size_t address = 0; address < world_.coordinators(); ++address) {
      const VirtualCoordinator::Totals totals = world_.coordinator(address).totals();
      count.add(Count::kSettleRounds, totals.settle_rounds);
      count.add(Count::kEvictions, totals.evictions);
      count.add(Count::kReplans, totals.replans);
      count.add(Count::kResumes, totals.resumes);
      count.add(Count::kAdmissions, totals.admissions);
      count.add(Count::kPartedShards, totals.parted_shards);
    }
    count.add(Count::kStateCuts, application_->cuts());
    for (const auto& trainer : application_->trainers()) {
      count.add(Count::kReconnects, trainer->lives - 1);
    }
    report_.violations = context_.violations;
    for (Violation& violation : report_.violations) {
      world_.tell("checker", violation.invariant + ": " + violation.text);
      violation.text += fmt::format(" (at {:.3f} ms; {})", now_ms(), replay_command(options_));
    }
  }

  const RunOptions options_;
  Report report_;
  CheckContext context_;
  Observers observers_;
  Random random_;
  const ApplicationConfig application_config_;
  const WorldConfig world_config_;
  World world_;
  const TimePoint begin_ = world_.now();
  std::unique_ptr<Application> application_;
  std::unique_ptr<FaultPlan> faults_;
  TimePoint next_look_{};
  std::vector<uint64_t> quiet_;  // the progress of each trainer when the faults ended
};

}  // namespace

Report run_seed(const RunOptions& options) { return Run(options).run(); }

std::string replay_command(const RunOptions& options) {
  const RunOptions standard;
  std::string command = fmt::format("atoll simulate --seeds {}:{} --trace", options.seed,
                                    options.seed);
  if (options.peers != standard.peers) command += fmt::format(" --peers {}", options.peers);
  if (options.events != standard.events) command += fmt::format(" --events {}", options.events);
  if (options.mix == driving_faults()) command += " --faults driving";
  if (options.mix == reach_faults()) command += " --faults reach";
  return command;
}

}  // namespace atoll_core::simulate
