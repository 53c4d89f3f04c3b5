// atoll simulate: many seeded runs of real peers and a real coordinator in virtual time, with
// faults, checked after every event.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "simulate/long_life.h"
#include "simulate/runner.h"
#include "stop_signals.h"

namespace atoll_cli {
namespace {

using atoll_core::simulate::Report;
using atoll_core::simulate::Statistics;
using Json = nlohmann::ordered_json;
namespace simulate = atoll_core::simulate;

// So many seeds must have met every fault in every phase.
constexpr uint64_t kSeedsForCoverage = 200;
constexpr size_t kViolationsShown = 20;
constexpr uint64_t kSeedsPerLine = 8;  // of progress

constexpr const char* kExamples =
    "Each seed is a run of 2 to 8 peers that train, with their coordinator, over a network that\n"
    "delays, cuts, forgets and blocks connections, while processes die, stand still, leave and\n"
    "come back. After each event it is checked that all agree, that results are right and\n"
    "that nothing is lost; at the end, that all are well again. docs/SIMULATOR.md says more.\n"
    "The exit code is 0 only if nothing was violated and, with 200 seeds or more, every fault has\n"
    "met every phase.\n"
    "\n"
    "Examples:\n"
    "  The first thousand seeds:\n"
    "    atoll simulate --seeds 1:1000\n"
    "  Twenty long lives:\n"
    "    atoll simulate --lives --seeds 1:20\n"
    "  What happens in seed 17, line by line:\n"
    "    atoll simulate --seeds 17:17 --trace";

struct SimulateOptions {
  std::string seeds = "1:200";
  uint32_t peers = 0;
  uint64_t events = simulate::RunOptions{}.events;
  uint32_t jobs = 0;
  std::string faults = "all";
  bool lives = false;
  bool json = false;
  bool trace = false;

  bool driving() const { return faults == "driving"; }
  simulate::FaultMix mix() const {
    if (driving()) return simulate::driving_faults();
    return faults == "reach" ? simulate::reach_faults() : simulate::FaultMix{};
  }
};

struct SeedRange {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t count() const { return last - first + 1; }
};

// Empty: fine. CLI11's form of a check.
std::string parse_seeds(const std::string& text, SeedRange& range) {
  unsigned long long first = 0;
  unsigned long long last = 0;
  int end = 0;
  const bool pair = std::sscanf(text.c_str(), "%llu:%llu%n", &first, &last, &end) == 2;
  if (!pair || static_cast<size_t>(end) != text.size() || first > last) {
    return "seeds are FIRST:LAST, for example 1:200; not '" + text + "'";
  }
  range = {first, last};
  return "";
}

// Hands out seeds to threads and collects what comes of them.
class Campaign {
 public:
  Campaign(const SimulateOptions& options, const SeedRange& range)
      : options_(options), range_(range) {}

  void run() {
    const uint64_t cores = std::max(1u, std::thread::hardware_concurrency());
    const uint64_t wanted = options_.trace ? 1 : options_.jobs > 0 ? options_.jobs : cores;
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < std::min(wanted, range_.count()); ++i) {
      threads.emplace_back([this] { work(); });
    }
    for (std::thread& thread : threads) thread.join();
    if (progress_shown_) std::fputc('\n', stderr);
  }

  void stop() { stopped_ = true; }

  bool stopped() const { return stopped_; }
  uint64_t done() const { return done_; }
  uint64_t asked() const { return range_.count(); }
  const Statistics& statistics() const { return statistics_; }
  const std::vector<Report>& failed() const { return failed_; }

  // What has not happened at all, if there were enough seeds to tell.
  std::vector<std::string> missing() const {
    if (done_ < kSeedsForCoverage || options_.lives) return {};
    return statistics_.zeros(options_.mix());
  }

 private:
  void work() {
    for (;;) {
      const uint64_t index = next_++;
      if (index >= range_.count() || stopped_) return;
      simulate::RunOptions run;
      run.seed = range_.first + index;
      run.peers = options_.peers;
      run.events = options_.events;
      run.mix = options_.mix();
      run.often_two_coordinators = options_.driving();
      if (options_.trace) {
        run.trace = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
      }
      collect(options_.lives ? simulate::run_life(run) : simulate::run_seed(run));
    }
  }

  void collect(Report report) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++done_;
    statistics_.add(report.statistics);
    if (!report.violations.empty()) failed_.push_back(std::move(report));
    const bool shown = done_ % kSeedsPerLine == 0 || done_ == range_.count() || options_.lives;
    if (options_.trace || !shown) return;
    progress_shown_ = true;
    std::fprintf(stderr, "\r%llu of %llu seeds, %zu failed",
                 static_cast<unsigned long long>(done_),
                 static_cast<unsigned long long>(range_.count()), failed_.size());
  }

  const SimulateOptions& options_;
  const SeedRange range_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  uint64_t done_ = 0;
  bool progress_shown_ = false;
  Statistics statistics_;
  std::vector<Report> failed_;
};

void print_json(const Campaign& campaign, bool well) {
  Json counters = Json::object();
  for (size_t i = 0; i < simulate::kCountCount; ++i) {
    counters[std::string(simulate::kCountNames[i])] =
        campaign.statistics().of(static_cast<simulate::Count>(i));
  }
  Json faults = Json::object();
  for (size_t i = 0; i < simulate::kFaultCount; ++i) {
    Json row = Json::object();
    for (size_t k = 0; k < simulate::kPhaseCount; ++k) {
      row[std::string(simulate::kPhaseNames[k])] = campaign.statistics().of(
          static_cast<simulate::Fault>(i), static_cast<simulate::Phase>(k));
    }
    faults[std::string(simulate::kFaultNames[i])] = row;
  }
  Json failing = Json::array();
  uint64_t violations = 0;
  for (const Report& report : campaign.failed()) {
    for (const simulate::Violation& violation : report.violations) {
      ++violations;
      failing.push_back({{"seed", report.seed},
                         {"setting", report.setting},
                         {"invariant", violation.invariant},
                         {"text", violation.text}});
    }
  }
  const Json all = {{"seeds", campaign.done()},       {"violations", violations},
                    {"ok", well},                     {"interrupted", campaign.stopped()},
                    {"counters", counters},           {"faults", faults},
                    {"never happened", campaign.missing()}, {"failing", failing}};
  std::printf("%s\n", all.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_table(const Campaign& campaign) {
  const Statistics& statistics = campaign.statistics();
  fmt::print("{} seeds{}\n\n", campaign.done(), campaign.stopped() ? " (interrupted)" : "");
  for (size_t i = 0; i < simulate::kCountCount; ++i) {
    fmt::print("{:<26}{:>12}\n", simulate::kCountNames[i],
               statistics.of(static_cast<simulate::Count>(i)));
  }
  fmt::print("\n{:<22}", "fault");
  for (const auto name : simulate::kPhaseNames) fmt::print("{:>10}", name);
  fmt::print("\n");
  for (size_t i = 0; i < simulate::kFaultCount; ++i) {
    fmt::print("{:<22}", simulate::kFaultNames[i]);
    for (size_t k = 0; k < simulate::kPhaseCount; ++k) {
      const auto fault = static_cast<simulate::Fault>(i);
      const auto phase = static_cast<simulate::Phase>(k);
      if (simulate::can_meet(fault, phase)) fmt::print("{:>10}", statistics.of(fault, phase));
      else fmt::print("{:>10}", "-");
    }
    fmt::print("\n");
  }
  fmt::print("\n");
  for (const std::string& name : campaign.missing()) fmt::print("never happened: {}\n", name);
  size_t shown = 0;
  for (const Report& report : campaign.failed()) {
    if (shown++ == kViolationsShown) break;
    for (const simulate::Violation& violation : report.violations) {
      fmt::print("seed {} ({}): {}: {}\n", report.seed, report.setting, violation.invariant,
                 violation.text);
    }
  }
  fmt::print("{} of {} seeds failed\n", campaign.failed().size(), campaign.done());
}

int run(const SimulateOptions& options, const SeedRange& range) {
  StopSignals signals;
  Campaign campaign(options, range);
  signals.watch([&campaign] { campaign.stop(); });
  campaign.run();
  signals.end();
  const bool well = campaign.failed().empty() && campaign.missing().empty() &&
                    campaign.done() == campaign.asked();
  if (options.json) print_json(campaign, well);
  else print_table(campaign);
  return well ? 0 : kExitFailure;
}

}  // namespace

void add_simulate_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "simulate", "Run real peers through random faults in virtual time, and check every promise");
  const auto options = std::make_shared<SimulateOptions>();
  const auto range = std::make_shared<SeedRange>();
  command
      ->add_option("--seeds", options->seeds, "The runs, from the first seed to the last")
      ->type_name("A:B")
      ->check([range](const std::string& text) { return parse_seeds(text, *range); })
      ->capture_default_str();
  command->add_option("--peers", options->peers, "Peers at first; 0: each seed chooses, 2 to 8")
      ->type_name("N")
      ->check(CLI::Range(0u, 64u))
      ->capture_default_str();
  command->add_option("--events", options->events, "A run has at least so many events")
      ->type_name("N")
      ->check(CLI::Range(uint64_t{300}, uint64_t{100'000'000}))
      ->capture_default_str();
  command->add_option("--jobs", options->jobs, "Runs at a time; 0: one for each core")
      ->type_name("N")
      ->check(CLI::Range(0u, 1024u))
      ->capture_default_str();
  command
      ->add_option("--faults", options->faults,
                   "driving: only those about who drives a run, with two coordinators in every "
                   "second run; reach: only those about who can reach whom")
      ->type_name("WHICH")
      ->check(CLI::IsMember({"all", "driving", "reach"}))
      ->capture_default_str();
  command->add_flag("--lives", options->lives,
                    "Each seed is a long life instead, with few faults: more than 1,000\n"
                    "generations and 100,000 tags, in which no table may grow");
  command->add_flag("--json", options->json, "Print the result as one JSON object");
  command->add_flag("--trace", options->trace,
                    "Print what happens, line by line, to standard error; one run at a time");
  command->footer(kExamples);
  command->callback([options, range, &exit_code] {
    (void)parse_seeds(options->seeds, *range);
    exit_code = run(*options, *range);
  });
}

}  // namespace atoll_cli
