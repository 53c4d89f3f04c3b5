#include "tools/atoll/soak/judge.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "tools/atoll/statistics.h"

namespace atoll_cli {
namespace {

constexpr double kWarmUpSecondsMax = 300;
constexpr double kWarmUpPart = 1.0 / 6;
constexpr double kLifeJudged = 1.0 / 3;  // of the soak; shorter lives are not looked at
constexpr size_t kSamplesMin = 9;        // three in each third
constexpr size_t kSamplesOfSlopeMin = 20;
constexpr double kSecondsOfSlopeMin = 120;
constexpr size_t kPointsOfSlopeMax = 240;
constexpr double kTableFactor = 2;
constexpr double kTableSlack = 64;
constexpr double kTableSlackBytes = 64 << 10;

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char text[512];
  std::snprintf(text, sizeof(text), pattern, args...);
  return text;
}

class Judge {
 public:
  Judge(const SoakSeries& series, const SoakBars& bars) : series_(series), bars_(bars) {}

  SoakVerdict verdict() {
    for (const SoakProcess& process : series_.processes) {
      const bool long_enough = !process.samples.empty() &&
                               process.samples.back().seconds - process.samples.front().seconds >=
                                   series_.seconds * kLifeJudged;
      passing_ = !process.lasts;
      if (process.lasts || long_enough) judge_process(process);
    }
    passing_ = false;
    judge_steps();
    const bool judged = std::any_of(series_.processes.begin(), series_.processes.end(),
                                    [](const SoakProcess& process) { return process.lasts; });
    if (!judged) find(SoakOutcome::kTooShort, "too short to judge: no process was there all along");
    return std::move(verdict_);
  }

 private:
  template <class Value>
  static std::vector<Point> points_of(const std::vector<SoakSample>& samples, Value value) {
    std::vector<Point> points;
    for (const SoakSample& sample : samples) points.push_back({sample.seconds, value(sample)});
    return points;
  }

  template <class Item>
  static std::vector<Item> after_warm_up(const std::vector<Item>& items) {
    if (items.empty()) return {};
    const double life = items.back().seconds - items.front().seconds;
    const double until = items.front().seconds + std::min(kWarmUpSecondsMax, life * kWarmUpPart);
    std::vector<Item> later;
    std::copy_if(items.begin(), items.end(), std::back_inserter(later),
                 [until](const Item& item) { return item.seconds >= until; });
    return later;
  }

  void find(SoakOutcome outcome, std::string sentence) {
    // Others were there all along: what cannot be told of one that came or went is no gap.
    if (passing_ && outcome == SoakOutcome::kTooShort) return;
    verdict_.outcome = std::max(verdict_.outcome, outcome);
    verdict_.findings.push_back({outcome, std::move(sentence)});
  }

  void judge_process(const SoakProcess& process) {
    const std::vector<SoakSample> samples = after_warm_up(process.samples);
    if (samples.size() < kSamplesMin) {
      return find(SoakOutcome::kTooShort,
                  format("%s: too short to judge: %zu samples after the warm-up, of the %zu that "
                         "it takes",
                         process.name.c_str(), samples.size(), kSamplesMin));
    }
    judge_memory(process.name, points_of(samples, [](const SoakSample& sample) {
                   return sample.private_kib;
                 }));
    judge_level(process.name, "descriptors beyond connections", bars_.descriptors,
                points_of(samples, [](const SoakSample& sample) {
                  return sample.descriptors - sample.connections;
                }));
    judge_level(process.name, "threads", bars_.threads,
                points_of(samples, [](const SoakSample& sample) { return sample.threads; }));
    std::set<std::string> tables;
    for (const SoakSample& sample : samples) {
      for (const auto& [table, entries] : sample.tables) tables.insert(table);
    }
    for (const std::string& table : tables) judge_table(process.name, table, samples);
  }

  SoakOutcome outcome_of(const Slope& slope) const {
    if (slope.low > bars_.memory_kib_per_minute) return SoakOutcome::kGrows;
    if (slope.high <= 2 * bars_.memory_kib_per_minute) return SoakOutcome::kFlat;
    return SoakOutcome::kTooShort;
  }

  void judge_memory(const std::string& process, std::vector<Point> points) {
    const double seconds = points.back().at - points.front().at;
    if (points.size() < kSamplesOfSlopeMin || seconds < kSecondsOfSlopeMin) {
      return find(SoakOutcome::kTooShort,
                  format("%s: too short to judge memory: %zu samples in %.0f s after the warm-up; "
                         "it takes %zu in %.0f s",
                         process.c_str(), points.size(), seconds, kSamplesOfSlopeMin,
                         kSecondsOfSlopeMin));
    }
    for (Point& point : points) point.at /= 60;
    const char* part = "after the warm-up";
    Slope slope = theil_sen(thinned(points, kPointsOfSlopeMax)).value_or(Slope{});
    if (outcome_of(slope) == SoakOutcome::kGrows) {
      part = "in the last half";
      points.erase(points.begin(), points.begin() + static_cast<ptrdiff_t>(points.size() / 2));
      slope = theil_sen(thinned(points, kPointsOfSlopeMax)).value_or(Slope{});
    }
    const SoakOutcome outcome = outcome_of(slope);
    const char* word = outcome == SoakOutcome::kGrows  ? "grows"
                       : outcome == SoakOutcome::kFlat ? "is flat"
                                                       : "cannot be judged, the run is too short";
    find(outcome, format("%s: private memory %s: %+.0f KiB/min (95 %%: %+.0f to %+.0f) %s, from "
                         "%.0f to %.0f KiB; the bar is %.0f",
                         process.c_str(), word, slope.slope, slope.low, slope.high, part,
                         points.front().value, points.back().value, bars_.memory_kib_per_minute));
  }

  void judge_level(const std::string& process, const char* what, double slack,
                   const std::vector<Point>& points) {
    const Thirds level = thirds(points);
    const bool grows = level.last - level.first > slack;
    find(grows ? SoakOutcome::kGrows : SoakOutcome::kFlat,
         format("%s: %s %s: %.1f in the first third, %.1f in the last", process.c_str(), what,
                grows ? "grow" : "are flat", level.first, level.last));
  }

  void judge_table(const std::string& process, const std::string& table,
                   const std::vector<SoakSample>& samples) {
    const std::vector<Point> points = points_of(samples, [&](const SoakSample& sample) {
      const auto found = sample.tables.find(table);
      return found == sample.tables.end() ? 0 : found->second;
    });
    const auto limit = bars_.table_limits.find(table);
    if (limit != bars_.table_limits.end()) {
      double most = 0;
      for (const Point& point : points) most = std::max(most, point.value);
      return find(most > limit->second ? SoakOutcome::kGrows : SoakOutcome::kFlat,
                  format("%s: table %s has had %.0f entries at most; its limit is %.0f",
                         process.c_str(), table.c_str(), most, limit->second));
    }
    const bool empty = std::all_of(points.begin(), points.end(),
                                   [](const Point& point) { return point.value == 0; });
    if (empty) return;
    const bool of_bytes = table.find("bytes") != std::string::npos;
    const Thirds level = thirds(points);
    const double slack = of_bytes ? kTableSlackBytes : kTableSlack;
    const std::optional<Slope> slope = theil_sen(thinned(points, kPointsOfSlopeMax));
    const bool rises = slope && slope->low > 0;  // what goes up and down by itself does not
    const bool grows = rises && level.last > level.first * kTableFactor + slack;
    find(grows ? SoakOutcome::kGrows : SoakOutcome::kFlat,
         format("%s: table %s %s: %.1f in the first third, %.1f in the last", process.c_str(),
                table.c_str(), grows ? "grows" : "is bounded", level.first, level.last));
  }

  void judge_steps() {
    std::map<unsigned, std::vector<SoakSteps>> by_members;
    for (const SoakSteps& steps : after_warm_up(series_.steps)) {
      by_members[steps.members].push_back(steps);
    }
    const auto most = std::max_element(
        by_members.begin(), by_members.end(),
        [](const auto& one, const auto& other) { return one.second.size() < other.second.size(); });
    if (most == by_members.end() || most->second.size() < kSamplesMin) {
      return find(SoakOutcome::kTooShort,
                  format("steps: too short to judge: fewer than %zu times of steps with one number "
                         "of members after the warm-up",
                         kSamplesMin));
    }
    std::vector<Point> points;
    for (const SoakSteps& steps : most->second) points.push_back({steps.seconds, steps.median_ms});
    const Thirds level = thirds(points);
    const bool slower = level.last > level.first * bars_.step_factor;
    find(slower ? SoakOutcome::kGrows : SoakOutcome::kFlat,
         format("steps: the median time of one with %u members %s: %.2f ms in the first third, "
                "%.2f ms in the last; the bar is %.2f times",
                most->first, slower ? "grows" : "is flat", level.first, level.last,
                bars_.step_factor));
  }

  const SoakSeries& series_;
  const SoakBars& bars_;
  SoakVerdict verdict_;
  bool passing_ = false;  // the process that is being judged was not there all along
};

}  // namespace

SoakVerdict judge(const SoakSeries& series, const SoakBars& bars) {
  return Judge(series, bars).verdict();
}

}  // namespace atoll_cli
