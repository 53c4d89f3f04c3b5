#include "tools/atoll/wanlab/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/atoll/stress/process.h"

namespace atoll_cli {
namespace {

constexpr size_t kRowsMax = 64;  // more paths than that are left to --json

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double milliseconds(Nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// Percentages read better without a row of zeros.
std::string percent(uint64_t part, uint64_t whole) {
  char text[64];
  std::snprintf(text, sizeof text, "%llu (%.3g %%)", static_cast<unsigned long long>(part),
                share(part, whole) * 100);
  return text;
}

template <class... Values>
std::string line(const char* format, const Values&... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

template <class Visitor>
void for_each_used_path(const EmulatedNetwork& network, const Visitor& visit) {
  for (unsigned from = 0; from < network.nodes(); ++from) {
    for (unsigned to = 0; to < network.nodes(); ++to) {
      const PathCounters& counters = network.counters(from, to);
      if (counters.sent_packets > 0) visit(from, to, counters);
    }
  }
}

std::string path_row(const std::string& name, const PathCounters& counters, double seconds) {
  const double mbits = static_cast<double>(counters.delivered_bytes) * 8e-6 / seconds;
  return line("%-24s %10llu %9.2f %18s %12llu %8llu\n", name.c_str(),
              static_cast<unsigned long long>(counters.sent_packets), mbits,
              percent(counters.lost, counters.sent_packets).c_str(),
              static_cast<unsigned long long>(counters.queue_drops()),
              static_cast<unsigned long long>(counters.dropped_cut));
}

void add(PathCounters& sum, const PathCounters& counters) {
  sum.sent_packets += counters.sent_packets;
  sum.delivered_packets += counters.delivered_packets;
  sum.delivered_bytes += counters.delivered_bytes;
  sum.lost += counters.lost;
  sum.dropped_up += counters.queue_drops();
  sum.dropped_cut += counters.dropped_cut;
}

int64_t all_unread(const WanlabReport& report) {
  int64_t sum = 0;
  for (const int64_t drops : report.unread_drops) sum += std::max<int64_t>(drops, 0);
  return sum;
}

uint64_t all_delivered(const EmulatedNetwork& network) {
  uint64_t packets = 0;
  for_each_used_path(network, [&](unsigned, unsigned, const PathCounters& counters) {
    packets += counters.delivered_packets;
  });
  return packets;
}

double microseconds_a_packet(const Emulator& emulator) {
  const uint64_t packets = all_delivered(emulator.network());
  return packets == 0 ? 0 : emulator.counters().cpu_seconds * 1e6 / static_cast<double>(packets);
}

double late_mean_us(const EmulatorCounters& counters) {
  if (counters.frames == 0) return 0;
  return static_cast<double>(counters.late_sum.count()) * 1e-3 /
         static_cast<double>(counters.frames);
}

std::string emulator_lines(const WanlabReport& report, const Emulator& emulator) {
  const EmulatorCounters& counters = emulator.counters();
  std::string text = line(
      "the emulator took %.2f s of CPU, %.0f %% of a core, %.2f us a packet, %.1f at once\n",
      counters.cpu_seconds, counters.cpu_seconds / report.seconds * 100,
      microseconds_a_packet(emulator), share(all_delivered(emulator.network()), counters.writes));
  text += line("it was late by %.3f ms on average, %.1f ms at most, more than 1 ms with %.2g %%\n",
               late_mean_us(counters) * 1e-3, milliseconds(counters.late_max),
               share(counters.late_1ms, counters.frames) * 100);
  const int64_t unread = all_unread(report);
  if (unread > 0) {
    text += line("warning: the kernel dropped %lld packets that were not read in time\n",
                 static_cast<long long>(unread));
  }
  if (late_mean_us(counters) > 1000) {
    text += "warning: this computer is too slow for this network: its delays are longer than "
            "they should be\n";
  }
  return text;
}

std::string exit_lines(const WanlabReport& report) {
  std::string text;
  for (size_t i = 0; i < report.exits.size(); ++i) {
    const auto& status = report.exits[i];
    if (status && *status == 0) continue;
    text += node_name(static_cast<unsigned>(i + 1)) + ": " +
            (status ? describe_exit(*status) : "did not end") + "\n";
  }
  return text;
}

nlohmann::json path_json(unsigned from, unsigned to, const PathCounters& counters,
                         const PathSettings& settings) {
  const double queue = settings.queue ? milliseconds(*settings.queue) : 0;
  return {{"from", from},
          {"to", to},
          {"rate_bits_per_s", settings.rate},
          {"delay_ms", milliseconds(settings.delay)},
          {"jitter_ms", milliseconds(settings.jitter)},
          {"loss", settings.loss},
          {"queue_ms", queue},
          {"cut", settings.cut},
          {"sent_packets", counters.sent_packets},
          {"sent_bytes", counters.sent_bytes},
          {"delivered_packets", counters.delivered_packets},
          {"delivered_bytes", counters.delivered_bytes},
          {"lost", counters.lost},
          {"dropped_uplink", counters.dropped_up},
          {"dropped_path", counters.dropped_path},
          {"dropped_downlink", counters.dropped_down},
          {"dropped_cut", counters.dropped_cut},
          {"dropped_memory", counters.dropped_full}};
}

}  // namespace

std::string wanlab_table(const WanlabReport& report, const Emulator& emulator) {
  std::string text = line("%-24s %10s %9s %18s %12s %8s\n", "path", "packets", "Mbit/s", "lost",
                          "queue drops", "cut");
  size_t rows = 0;
  PathCounters sum;
  for_each_used_path(emulator.network(), [&](unsigned from, unsigned to,
                                             const PathCounters& counters) {
    add(sum, counters);
    if (++rows > kRowsMax) return;
    text += path_row(node_name(from) + " -> " + node_name(to), counters, report.seconds);
  });
  if (rows > kRowsMax) text += line("... and %zu more paths: see --json\n", rows - kRowsMax);
  text += path_row("all", sum, report.seconds);
  text += emulator_lines(report, emulator);
  text += exit_lines(report);
  return text + line("%.1f s, %s\n", report.seconds,
                     report.passed ? "all commands exited with 0" : "failed");
}

std::string wanlab_json(const WanlabReport& report, const WanlabOptions& options,
                        const NetworkSettings& settings, const Emulator& emulator) {
  nlohmann::json json = {{"peers", options.peers},     {"seconds", report.seconds},
                         {"seed", options.seed},       {"congestion", options.congestion},
                         {"reorder", options.reorder}, {"mtu", options.mtu},
                         {"passed", report.passed}};
  for (size_t i = 0; i < report.exits.size(); ++i) {
    const auto& status = report.exits[i];
    json["commands"].push_back(
        {{"peer", i + 1}, {"end", status ? describe_exit(*status) : "did not end"}});
  }
  json["paths"] = nlohmann::json::array();
  for_each_used_path(emulator.network(), [&](unsigned from, unsigned to,
                                             const PathCounters& counters) {
    json["paths"].push_back(path_json(from, to, counters, settings.path(from, to)));
  });
  for (unsigned peer = 1; peer < settings.nodes(); ++peer) {
    const HostSettings& host = settings.host(peer);
    json["hosts"].push_back({{"peer", peer},
                             {"up_bits_per_s", host.up},
                             {"down_bits_per_s", host.down},
                             {"queue_ms", host.queue ? milliseconds(*host.queue) : 0}});
  }
  const EmulatorCounters& counters = emulator.counters();
  json["emulator"] = {{"cpu_s", counters.cpu_seconds},
                      {"cpu_us_per_packet", microseconds_a_packet(emulator)},
                      {"packets", all_delivered(emulator.network())},
                      {"frames", counters.frames},
                      {"writes", counters.writes},
                      {"late_us_mean", late_mean_us(counters)},
                      {"late_us_max", milliseconds(counters.late_max) * 1e3},
                      {"late_over_1ms", counters.late_1ms},
                      {"refused", counters.refused},
                      {"unread_drops", all_unread(report)}};
  return json.dump(2) + "\n";
}

}  // namespace atoll_cli
