#include "tools/atoll/bench/report.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tools/atoll/bench/collective.h"
#include "tools/atoll/statistics.h"

namespace atoll_cli {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

struct Figures {
  double median_us = 0;
  double min_us = 0;
  double max_us = 0;
  double algbw = 0;  // 1e9 bytes per second
  double busbw = 0;
  double cpu_per_gib = 0;
  double cpu_us_per_call = 0;
};

Figures figures_of(const BenchOptions& options, const BenchRow& row) {
  Figures figures;
  const double middle = median(row.seconds);
  figures.median_us = 1e6 * middle;
  figures.min_us = 1e6 * *std::min_element(row.seconds.begin(), row.seconds.end());
  figures.max_us = 1e6 * *std::max_element(row.seconds.begin(), row.seconds.end());
  const double bytes = static_cast<double>(row.bytes) * options.in_flight;
  const auto calls = static_cast<double>(row.seconds.size());
  figures.cpu_us_per_call = 1e6 * row.cpu_seconds / calls / options.in_flight;
  if (!options.collective->has_data()) return figures;
  figures.algbw = 1e-9 * bytes / middle;
  figures.busbw = figures.algbw * options.collective->bus_share(options.world);
  figures.cpu_per_gib = row.cpu_seconds / (bytes * calls / kGiB);
  return figures;
}

// What is not as a caller gets it who asks for nothing.
std::vector<std::string> departures(const BenchOptions& options) {
  std::vector<std::string> all;
  if (options.algorithm != "auto") all.push_back(options.algorithm);
  if (options.connections != 0) {
    all.push_back(std::to_string(options.connections) + " connections");
  }
  if (options.in_flight > 1) all.push_back(std::to_string(options.in_flight) + " in flight");
  if (options.tensors > 1) all.push_back(std::to_string(options.tensors) + " tensors");
  if (options.input_disposable) all.emplace_back("input disposable");
  if (options.keep_segments) all.emplace_back("kept segments");
  return all;
}

std::string place_of(const BenchOptions& options, const BenchRow& row) {
  if (!options.collective->has_data()) return "-";
  return row.in_place ? "in" : "out";
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace

std::string bench_table_head(const BenchOptions& options, bool common_clock) {
  const bool ours = options.join.empty() || !options.start_line.empty();
  return format("# %s, %u peers%s; %u iterations after %u to warm up\n", options.collective->name,
                options.world, ours ? " on this computer" : "", options.iterations,
                options.warmup) +
         format("# time: of the slowest peer, from %s; median, min, max\n",
                common_clock ? "a common start" : "its own return from a barrier") +
         format("%12s %12s %8s %6s %6s %11s %11s %11s %8s %8s %6s %10s  %s\n", "size", "count",
                "type", "op", "place", "time", "min", "max", "algbw", "busbw", "#wrong", "cpu",
                "departures") +
         format("%12s %12s %8s %6s %6s %11s %11s %11s %8s %8s %6s %10s\n", "(B)", "(elements)", "",
                "", "", "(us)", "(us)", "(us)", "(GB/s)", "(GB/s)", "", "(s/GiB)");
}

std::string bench_table_line(const BenchOptions& options, const BenchRow& row) {
  const Figures figures = figures_of(options, row);
  std::string notes;
  for (const std::string& one : departures(options)) notes += (notes.empty() ? "" : ", ") + one;
  const char* type = options.collective->has_data() ? "float32" : "none";
  return format("%12llu %12llu %8s %6s %6s %11.1f %11.1f %11.1f %8.3f %8.3f %6llu %10.3f  %s\n",
                static_cast<unsigned long long>(row.bytes),
                static_cast<unsigned long long>(row.bytes / sizeof(float)), type,
                options.collective->operation, place_of(options, row).c_str(), figures.median_us,
                figures.min_us, figures.max_us, figures.algbw, figures.busbw,
                static_cast<unsigned long long>(row.wrong), figures.cpu_per_gib, notes.c_str());
}

std::string bench_json(const BenchOptions& options, const std::vector<BenchRow>& rows,
                       bool common_clock) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const BenchRow& row : rows) {
    const Figures figures = figures_of(options, row);
    std::vector<double> times_us;
    for (const double seconds : row.seconds) times_us.push_back(1e6 * seconds);
    all.push_back({{"collective", options.collective->name},
                   {"bytes", row.bytes},
                   {"world", options.world},
                   {"algorithm", options.algorithm},
                   {"wire", options.wire},
                   {"time_us_median", figures.median_us},
                   {"time_us_min", figures.min_us},
                   {"time_us_max", figures.max_us},
                   {"algbw_gbs", figures.algbw},
                   {"busbw_gbs", figures.busbw},
                   {"wrong", row.wrong},
                   {"cpu_s_per_gib", figures.cpu_per_gib},
                   {"cpu_us_per_call", figures.cpu_us_per_call},
                   {"in_place", row.in_place},
                   {"in_flight", options.in_flight},
                   {"connections", options.connections},
                   {"departures", departures(options)},
                   {"common_clock", common_clock},
                   {"times_us", times_us}});
  }
  return nlohmann::ordered_json{{"rows", all}}.dump(1) + "\n";
}

std::string describe_bytes(uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB"};
  size_t unit = 0;
  while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + " " + units[unit];
}

}  // namespace atoll_cli
