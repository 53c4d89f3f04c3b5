#include "simulate/long_life.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/limits.h"
#include "simulate/world.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLimit = seconds(60);     // for whatever is waited for
constexpr Duration kSettling = seconds(3);   // until all is told that is told late
constexpr uint64_t kTagsAtATime = 512;
// So often nobody comes, and so many names begin the next generation.
constexpr uint64_t kCyclesPerBurst = 250;
constexpr uint64_t kBurst = limits::kNamesPerGeneration + 100;
constexpr size_t kStayingMost = 3;

WorldConfig config_of(uint64_t seed, size_t staying) {
  WorldConfig config;
  config.seed = seed;
  config.coordinator.run = config.engine.membership.run = "long";
  config.coordinator.min_replicas = static_cast<uint32_t>(staying);
  config.coordinator.peer_timeout = seconds(3);
  config.engine.membership.coordinator_timeout = seconds(30);
  config.engine.connections_per_link = 1;
  return config;
}

class Life {
 public:
  explicit Life(const RunOptions& options)
      : options_(options),
        random_(Random::mix(options.seed ^ 0x11FE)),
        staying_count_(random_.between(2, kStayingMost)),
        world_(config_of(random_.bits(), staying_count_)) {
    report_.seed = options.seed;
    if (!options.trace) return;
    world_.on_note([this](const std::string& who, const std::string& what) {
      options_.trace(fmt::format("{} ms  {:<12} {}", to_ms(world_.now().time_since_epoch()), who,
                                 what));
    });
  }

  Report run() {
    try {
      play();
    } catch (const std::exception& exception) {
      complain("assertion", exception.what());
    }
    report_.setting = fmt::format("{} peers that stay, {} generations, {} tags", staying_count_,
                                  generations_, tags_);
    report_.statistics.add(Count::kEvents, world_.steps());
    for (Violation& violation : report_.violations) {
      violation.text += fmt::format(" ({}; {})", report_.setting, replay_life_command(options_));
    }
    return std::move(report_);
  }

 private:
  bool well() const { return report_.violations.empty(); }
  void complain(const std::string& invariant, const std::string& text) {
    world_.tell("checker", invariant + ": " + text);
    report_.violations.push_back({invariant, text});
  }
  void wait(const std::string& what, const std::function<bool()>& done) {
    const bool over = world_.run_until([&] { return !well() || done(); }, kLimit);
    if (!over) complain("liveness", fmt::format("{} takes longer than {} ms", what,
                                                to_ms(kLimit)));
  }

  void play() {
    for (size_t i = 0; i < staying_count_; ++i) staying_.push_back(spawn());
    update();
    for (uint64_t cycle = 1; well(); ++cycle) {
      if (generations_ > kLifeGenerations && tags_ > kLifeTags) break;
      if (cycle % kCyclesPerBurst == 0) burst();
      else be_visited();
      if (random_.one_in(40)) disturb();
      if (well()) check_sizes();
    }
    if (well()) check_rest();
  }

  // ---- peers

  ProcessId spawn() {
    const ProcessId process = world_.spawn({fmt::format("island-{}", ++spawned_), "", 0, 1});
    open_ = 1;
    world_.call(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.connect(now, id);
    }, [this](const auto& result) { one_ended("a connect", result); });
    wait("a connect", [this] { return open_ == 0; });
    return process;
  }

  void one_ended(const std::string& what, const Result<engine::CallInfo>& result) {
    --open_;
    report_.statistics.add(result ? Count::kCommits : Count::kAborts);
    if (!result) complain("nobody is refused", what + " fails: " + result.error().message);
  }

  // Of those who stay; a guest that waits is let in as soon as it is linked.
  void update() {
    open_ = staying_.size();
    for (const ProcessId process : staying_) {
      world_.call(process, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
        engine.update(now, id);
      }, [this](const auto& result) { one_ended("an update", result); });
    }
    if (guest_in_) update_guest();
    wait("an update", [this] { return open_ == 0; });
    if (!well()) return;
    const Generation now = view().generation;
    if (std::exchange(generation_, now) != now) ++generations_;
  }

  void update_guest() {
    world_.call(*guest_, [](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.update(now, id);
    }, [this](const auto& result) {
      guest_in_ = result.has_value();
      if (!result) complain("nobody is refused", "a guest's update fails: " +
                                                     result.error().message);
    });
  }

  const wire::View& view() const { return *world_.engine(staying_.front()).view(); }

  // ---- what happens

  // A guest comes, calls with those who stay, and goes: at the end of calls or in the middle.
  void be_visited() {
    guest_ = spawn();
    guest_in_ = false;
    if (well()) update_guest();
    while (well() && !guest_in_) {
      update();
      if (!well()) return;
      const bool admitted = view().members.size() > staying_.size();
      if (admitted) wait("a guest's update", [this] { return guest_in_; });
      else world_.run_for(milliseconds(5));
    }
    if (!well()) return;
    const bool in_the_middle = random_.one_in(2);
    call(random_.between(10, 60), in_the_middle);
    if (well()) update();  // of the same generation, unless the guest is lost
    if (!well()) return;
    call(random_.between(1, 10), false);
    if (guest_) {
      if (random_.one_in(2)) {
        world_.leave(*guest_, Error{ErrorCode::kNotConnected, "has seen enough"});
      }
      world_.run_for(milliseconds(10));
      lose_guest();
    }
    if (well()) update();
  }

  void lose_guest() {
    world_.kill(*std::exchange(guest_, std::nullopt));
    guest_in_ = false;
    wait("the loss of a guest", [this] {
      return std::all_of(staying_.begin(), staying_.end(), [this](ProcessId process) {
        return world_.engine(process).view()->members.size() == staying_.size();
      });
    });
  }

  void burst() {
    call(kBurst, false);
    const uint64_t generations = generations_;
    if (well()) update();
    if (well() && generations_ == generations) {
      complain("names", fmt::format("{} names and an update begin no generation", kBurst));
    }
  }

  void disturb() {
    if (random_.one_in(2)) {
      world_.drop_control(staying_[random_.below(staying_.size())]);
      return;
    }
    world_.stop_coordinator();
    world_.run_for(random_.between(milliseconds(10), milliseconds(500)));
    world_.start_coordinator(random_.one_in(2));
    update();
  }

  // Barriers, each with a tag of its own, on all.
  void call(uint64_t count, bool lose_guest_meanwhile) {
    while (well() && count > 0) {
      const uint64_t now = std::min(count, kTagsAtATime);
      count -= now;
      open_ = now * staying_.size();
      for (uint64_t i = 0; i < now; ++i) {
        ++tags_;
        for (const ProcessId process : staying_) barrier(process, true);
        if (guest_) barrier(*guest_, false);
      }
      if (guest_ && lose_guest_meanwhile) {
        world_.run_for(random_.between(Duration{0}, milliseconds(4)));
        lose_guest();
      }
      wait("a call", [this] { return open_ == 0; });
    }
  }

  void barrier(ProcessId process, bool counts) {
    engine::CollectiveCall barrier;
    barrier.kind = wire::OpKind::kBarrier;
    barrier.options.tag = tags_;
    report_.statistics.add(Count::kCalls);
    World::Ended ended;
    if (counts) ended = [this](const auto& result) { one_ended("a call", result); };
    world_.call(process, [&](engine::Engine& engine, TimePoint now, engine::CallId id) {
      engine.collective(now, id, std::move(barrier));
    }, std::move(ended));
  }

  // ---- what is asked

  // Of two bursts, at most, what some have ended and not all are known to have ended.
  void check_sizes() {
    const size_t most = 2 * kBurst;
    for (const ProcessId process : staying_) {
      const engine::EngineReport report = world_.engine(process).report(world_.now());
      check(report.self.name + " keeps calls", report.tables.ended_calls, most);
      check(report.self.name + " counts names", report.tables.names, most);
    }
    for (const auto& [name, size] : world_.coordinator().table_sizes()) {
      const bool by_name = name == "marks" || name == "history" || name == "ops";
      check("the coordinator keeps " + name, size,
            by_name ? most * (kStayingMost + 1) : limits::kDeparturesKept);
    }
  }

  void check_rest() {
    update();
    world_.run_for(kSettling);
    for (const ProcessId process : staying_) {
      const engine::EngineReport report = world_.engine(process).report(world_.now());
      check(report.self.name + " keeps calls", report.tables.ended_calls, 0);
    }
    const auto sizes = world_.coordinator().table_sizes();
    for (const char* name : {"marks", "ops", "syncs", "updates", "rounds"}) {
      check(fmt::format("the coordinator keeps {}", name), sizes.at(name), 0);
    }
  }

  void check(const std::string& what, size_t size, size_t most) {
    if (size > most) complain("bounds", fmt::format("{}: {}, at most {}", what, size, most));
  }

  const RunOptions options_;
  Report report_;
  Random random_;
  const size_t staying_count_;
  World world_;
  std::vector<ProcessId> staying_;
  std::optional<ProcessId> guest_;
  bool guest_in_ = false;
  uint64_t spawned_ = 0;
  uint64_t open_ = 0;  // calls that are waited for
  uint64_t tags_ = 0;
  uint64_t generations_ = 0;
  Generation generation_;
};

}  // namespace

Report run_life(const RunOptions& options) { return Life(options).run(); }

std::string replay_life_command(const RunOptions& options) {
  return fmt::format("atoll simulate --lives --seeds {}:{} --trace", options.seed, options.seed);
}

}  // namespace atoll_core::simulate
