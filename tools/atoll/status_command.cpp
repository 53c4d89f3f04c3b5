// atoll status: how a run is, as its coordinator sees it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <atoll/atoll.h>

#include "commands.h"

namespace atoll_cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kExamples =
    "The exit code is 0 only when the coordinator answered. With --json the fields are those of\n"
    "docs/HACKING.md; times are in milliseconds.\n"
    "\n"
    "Examples:\n"
    "  atoll status --coordinator 127.0.0.1:7700\n"
    "  atoll status --coordinator 127.0.0.1:7700 --json | jq '.ops[].awaited'";

struct StatusOptions {
  std::string coordinator = "127.0.0.1:7700";
  bool json = false;
  uint32_t timeout_ms = 5000;
};

int complain(const std::string& sentence) {
  std::fprintf(stderr, "atoll status: %s\n", sentence.c_str());
  return kExitFailure;
}

// The text may have grown between the question for its size and the one for itself.
atollResult_t ask(const StatusOptions& options, std::string& text) {
  std::vector<char> buffer(size_t{1} << 16);
  for (int tries = 0;; ++tries) {
    size_t needed = 0;
    const atollResult_t result =
        atollGetCoordinatorStatus(options.coordinator.c_str(), options.timeout_ms, buffer.data(),
                                  buffer.size(), &needed);
    if (result == atollSuccess) text.assign(buffer.data(), needed - 1);
    if (result == atollSuccess || needed <= buffer.size() || tries == 4) return result;
    buffer.resize(2 * needed);
  }
}

std::string seconds(uint64_t ms) {
  char text[32];
  std::snprintf(text, sizeof text, ms < 10'000 ? "%.1f s" : "%.0f s",
                static_cast<double>(ms) / 1e3);
  return text;
}

// Columns as wide as their widest cell.
void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += "  " + row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size(), ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

std::string names(const Json& list, uint64_t count) {
  std::string text;
  for (const Json& name : list) {
    if (!text.empty()) text += ", ";
    text += name.get<std::string>();
  }
  if (list.size() < count) text += " and " + std::to_string(count - list.size()) + " more";
  return text.empty() ? "nobody" : text;
}

void print_peers(const Json& status) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "REPLICA", "SHARD", "STATE", "UPDATE", "HEARD", "ADDRESS", "ID"}};
  for (const Json& peer : status["peers"]) {
    rows.push_back({peer["name"], peer["replica"],
                    std::to_string(peer["shard"].get<uint32_t>()) + "/" +
                        std::to_string(peer["shard_count"].get<uint32_t>()),
                    peer["state"], peer["updating"].get<bool>() ? "waits" : "-",
                    seconds(peer["silent_ms"]) + " ago", peer["address"], peer["id"]});
  }
  print_table(rows);
}

void print_ops(const Json& status) {
  const auto open = status["ops_open"].get<uint64_t>();
  std::printf("open calls that the coordinator knows of: %llu\n",
              static_cast<unsigned long long>(open));
  for (const Json& op : status["ops"]) {
    std::printf("  %s tag %llu #%llu, for %s: done %s; awaited %s",
                op["call"].get<std::string>().c_str(),
                op["tag"].get<unsigned long long>(), op["sequence"].get<unsigned long long>(),
                seconds(op["known_ms"]).c_str(), names(op["done"], op["done_count"]).c_str(),
                names(op["awaited"], op["awaited_count"]).c_str());
    if (!op["not_called"].empty()) {
      std::printf("; not called: %s", names(op["not_called"], op["not_called"].size()).c_str());
    }
    if (!op["abort_reason"].get<std::string>().empty()) {
      std::printf("; to be aborted: %s", op["abort_reason"].get<std::string>().c_str());
    }
    std::printf("\n");
  }
  if (status["ops"].size() < open) std::printf("  …\n");
}

void print(const Json& status) {
  const Json& counters = status["counters"];
  const auto instance = status["instance"].get<std::string>();
  std::printf("run '%s' at %s: incarnation %s, epoch %llu, generation %llu, up for %s%s\n",
              status["run"].get<std::string>().c_str(),
              status["coordinator"].get<std::string>().c_str(),
              status["incarnation"].get<std::string>().c_str(),
              status["epoch"].get<unsigned long long>(),
              status["generation"].get<unsigned long long>(), seconds(status["uptime_ms"]).c_str(),
              status["settling"].get<bool>() ? ", settling" : "");
  const Json& committed = status["committed"];
  std::printf("instance %s", instance.empty() ? "none yet" : instance.c_str());
  if (!instance.empty()) {
    std::printf(": %llu state syncs (the last of revision %llu), %llu updates",
                committed["state_syncs"].get<unsigned long long>(),
                committed["last_revision"].get<unsigned long long>(),
                committed["updates"].get<unsigned long long>());
  }
  std::printf("\n");
  const auto stepped_down = status["stepped_down"].get<std::string>();
  if (!stepped_down.empty()) std::printf("has stepped down: %s\n", stepped_down.c_str());
  for (const Json& sentence : status["waits"]) {
    std::printf("waits: %s\n", sentence.get<std::string>().c_str());
  }
  std::printf("commits %llu, aborts %llu, settle rounds %llu, admissions %llu, left %llu, "
              "evictions %llu\n",
              counters["commits"].get<unsigned long long>(),
              counters["aborts"].get<unsigned long long>(),
              counters["settle_rounds"].get<unsigned long long>(),
              counters["admissions"].get<unsigned long long>(),
              counters["left"].get<unsigned long long>(),
              counters["evictions"].get<unsigned long long>());
  std::printf("peers: %zu\n", status["peers"].size());
  if (!status["peers"].empty()) print_peers(status);
  print_ops(status);
  std::printf("recent events:\n");
  for (const Json& event : status["events"]) {
    std::printf("  %8s ago  %s\n", seconds(event["age_ms"]).c_str(),
                event["text"].get<std::string>().c_str());
  }
}

int show(const StatusOptions& options) {
  std::string text;
  const atollResult_t result = ask(options, text);
  if (result != atollSuccess) {
    const std::string sentence = atollGetLastError();
    return complain(sentence.empty() ? atollGetErrorString(result) : sentence);
  }
  if (options.json) {
    std::printf("%s", text.c_str());
  } else {
    print(Json::parse(text));
  }
  return std::fflush(stdout) == 0 ? 0 : complain("standard output cannot be written");
}

}  // namespace

void add_status_command(CLI::App& program, int& exit_code) {
  CLI::App* command =
      program.add_subcommand("status", "Show how a run is: who is in, and who waits for whom");
  const auto options = std::make_shared<StatusOptions>();
  command->add_option("--coordinator", options->coordinator, "Where `atoll coordinator` listens")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  command->add_flag("--json", options->json, "JSON instead of a table");
  command
      ->add_option("--timeout-ms", options->timeout_ms, "How long to wait for the answer")
      ->type_name("N")
      ->check(CLI::Range(1u, 3'600'000u))
      ->capture_default_str();
  command->footer(kExamples);
  command->callback([options, &exit_code] { exit_code = show(*options); });
}

}  // namespace atoll_cli
