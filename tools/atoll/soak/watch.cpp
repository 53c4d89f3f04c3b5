#include "tools/atoll/soak/watch.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include <atoll/atoll.h>
#include <nlohmann/json.hpp>

#include "tools/atoll/commands.h"
#include "tools/atoll/process_use.h"
#include "tools/atoll/soak/self.h"
#include "tools/atoll/statistics.h"

namespace atoll_cli {
namespace {

using Json = nlohmann::json;

constexpr double kSampleEveryMax = 10;  // seconds
constexpr double kSamplesPerReport = 6;
constexpr uint32_t kStatusTimeoutMs = 1'000;
constexpr size_t kStatusBytes = 1u << 20;
constexpr const char* kStepsOf = "worker-1";

double seconds_of(Milliseconds time) { return std::chrono::duration<double>(time).count(); }

SoakSample sample_of(double seconds, const ProcessUse& use, uint64_t connections) {
  return {seconds,
          static_cast<double>(use.resident_kib),
          static_cast<double>(use.private_kib),
          static_cast<double>(use.descriptors),
          static_cast<double>(connections),
          static_cast<double>(use.threads),
          {}};
}

const char* word_for(SoakOutcome outcome) {
  switch (outcome) {
    case SoakOutcome::kFlat: return "fine   ";
    case SoakOutcome::kTooShort: return "UNKNOWN";
    case SoakOutcome::kGrows: break;
  }
  return "GROWTH ";
}

}  // namespace

SoakWatch::SoakWatch(const SoakOptions& options)
    : options_(options),
      sample_every_(
          std::min(kSampleEveryMax, seconds_of(options.report_every) / kSamplesPerReport)),
      next_sample_(sample_every_),
      next_report_(seconds_of(options.report_every)) {}

void SoakWatch::look(double seconds, const std::string& address,
                     const std::vector<StressProcessView>& processes) {
  last_look_ = seconds;
  if (seconds >= next_sample_) {
    for (const StressProcessView& view : processes) view.process.send_line("sample");
    look_at_coordinator(seconds, address, processes.front());
    next_sample_ = std::max(next_sample_ + sample_every_, seconds);
  }
  if (seconds < next_report_) return;
  tell(seconds, processes);
  next_report_ += seconds_of(options_.report_every);
}

SoakWatch::Life& SoakWatch::life_of(const StressProcessView& process) {
  const pid_t pid = process.process.pid();
  const auto found = std::find_if(lives_.begin(), lives_.end(),
                                  [pid](const Life& life) { return life.pid == pid; });
  if (found != lives_.end()) return *found;
  Life& life = lives_.emplace_back();
  life.pid = pid;
  life.process.name = process.name;
  return life;
}

// Not sampled when it does not answer: its tables would look empty.
void SoakWatch::look_at_coordinator(double seconds, const std::string& address,
                                    const StressProcessView& coordinator) {
  std::string text(kStatusBytes, '\0');
  size_t needed = 0;
  const atollResult_t told = atollGetCoordinatorStatus(address.c_str(), kStatusTimeoutMs,
                                                       text.data(), text.size(), &needed);
  const auto use = process_use(coordinator.process.pid());
  if (told != atollSuccess || needed == 0 || !use) return;
  text.resize(needed - 1);
  const Json status = Json::parse(text, nullptr, false);
  if (!status.is_object()) return;
  Life& life = life_of(coordinator);
  life.process.lasts = options_.stress.coordinator_restart_every.count() == 0;
  SoakSample sample = sample_of(seconds, *use, status.value("peers", Json::array()).size());
  sample.tables["ops_open"] = static_cast<double>(status.value("ops_open", uint64_t{0}));
  life.process.samples.push_back(std::move(sample));
}

void SoakWatch::heard(double seconds, const StressProcessView& worker, const ReportLine& line) {
  const ProcessUse use{line.number(kSoakResidentKib), line.number(kSoakPrivateKib),
                       line.number(kSoakDescriptors), line.number(kSoakThreads)};
  if (use.threads == 0) return;
  Life& life = life_of(worker);
  life.process.lasts = worker.kept;
  SoakSample sample = sample_of(seconds, use, line.number(kSoakConnections));
  for (size_t i = 0; i < kSoakTables.size(); ++i) {
    sample.tables[kSoakTables[i]] = static_cast<double>(line.number(kSoakFirstTable + i));
  }
  life.process.samples.push_back(std::move(sample));
  if (worker.name != kStepsOf || line.number(kSoakSteps) == 0) return;
  steps_.push_back({seconds, static_cast<double>(line.number(kSoakMedianUs)) / 1000,
                    static_cast<unsigned>(line.number(kSoakMembers))});
}

void SoakWatch::tell(double seconds, const std::vector<StressProcessView>& processes) {
  std::fprintf(stderr, "at %.0f s\n  %-14s %8s %9s %11s %11s %11s %7s  %s\n", seconds, "process",
               "pid", "rss KiB", "private KiB", "descriptors", "connections", "threads", "tables");
  for (const StressProcessView& view : processes) {
    const Life& life = life_of(view);
    if (life.process.samples.empty()) continue;
    const SoakSample& last = life.process.samples.back();
    std::string tables;
    for (const auto& [table, entries] : last.tables) {
      tables += (tables.empty() ? "" : ", ") + table + " " +
                std::to_string(static_cast<uint64_t>(entries));
    }
    std::fprintf(stderr, "  %-14s %8d %9.0f %11.0f %11.0f %11.0f %7.0f  %s\n", view.name.c_str(),
                 life.pid, last.resident_kib, last.private_kib, last.descriptors, last.connections,
                 last.threads, tables.c_str());
  }
  tell_steps();
}

void SoakWatch::tell_steps() {
  std::map<unsigned, std::vector<double>> by_members;
  for (size_t i = steps_told_; i < steps_.size(); ++i) {
    by_members[steps_[i].members].push_back(steps_[i].median_ms);
  }
  steps_told_ = steps_.size();
  for (const auto& [members, times] : by_members) {
    std::fprintf(stderr, "  the median step with %u members took %.2f ms\n", members,
                 median(times));
  }
}

int SoakWatch::verdict() {
  SoakSeries series;
  series.seconds = last_look_;
  for (const Life& life : lives_) series.processes.push_back(life.process);
  series.steps = steps_;
  const SoakVerdict verdict = judge(series, options_.bars);
  FILE* const output = options_.stress.json ? stderr : stdout;
  for (const SoakFinding& finding : verdict.findings) {
    std::fprintf(output, "%s  %s\n", word_for(finding.outcome), finding.sentence.c_str());
  }
  switch (verdict.outcome) {
    case SoakOutcome::kFlat: std::fputs("nothing grows\n", output); return 0;
    case SoakOutcome::kTooShort:
      std::fputs("too short to judge all of it\n", output);
      return kExitTooShort;
    case SoakOutcome::kGrows: break;
  }
  std::fputs("GROWTH\n", output);
  return kExitFailure;
}

}  // namespace atoll_cli
