#include "tools/atoll/stress/tally.h"

#include <cinttypes>
#include <cstdio>
#include <utility>
#include <vector>

namespace atoll_cli {
namespace {

template <class... Args>
std::string format(const char* pattern, Args... args) {
  char text[1024];
  std::snprintf(text, sizeof(text), pattern, args...);
  return text;
}

std::vector<std::pair<const char*, uint64_t>> counts_of(const StressTally& tally) {
  return {{"steps", tally.steps},
          {"kills", tally.kills},
          {"joins", tally.joins},
          {"leaves", tally.leaves},
          {"freezes", tally.freezes},
          {"coordinator_restarts", tally.coordinator_restarts},
          {"connection_resets", tally.connection_resets},
          {"retries", tally.retries},
          {"failed_calls", tally.failed_calls},
          {"reconnects", tally.reconnects},
          {"state_losses", tally.state_losses},
          {"stalls", tally.stalls},
          {"parity_failures", tally.parity_failures},
          {"hangs", tally.hangs},
          {"unexpected_exits", tally.unexpected_exits},
          {"seed", tally.seed}};
}

}  // namespace

// A run without a single step has shown nothing.
bool StressTally::passed(bool growth_rule) const {
  const bool right = parity_failures == 0 && hangs == 0 && unexpected_exits == 0;
  return right && steps > 0 && (!growth_rule || stalls == 0);
}

std::string live_line(const StressTally& now, const StressTally& before, size_t up, size_t alive) {
  const double seconds = now.seconds - before.seconds;
  const double rate = static_cast<double>(now.steps - before.steps) / (seconds > 0 ? seconds : 1);
  return format("%5.0f s  %" PRIu64 " steps (%.1f/s)  %zu of %zu peers up  %" PRIu64
                " kills %" PRIu64 " joins %" PRIu64 " restarts  %" PRIu64 " retries  %" PRIu64
                " errors",
                now.seconds, now.steps, rate, up, alive, now.kills, now.joins,
                now.coordinator_restarts, now.retries, now.failed_calls + now.reconnects);
}

std::string summary_table(const StressTally& tally, bool passed) {
  std::string text;
  for (const auto& [name, count] : counts_of(tally)) {
    text += format("%-22s %20" PRIu64 "\n", name, count);
  }
  text += format("%-22s %20.1f\n", "seconds", tally.seconds);
  return text + (passed ? "passed\n" : "FAILED\n");
}

std::string summary_json(const StressTally& tally, bool passed) {
  std::string text = "{";
  for (const auto& [name, count] : counts_of(tally)) {
    text += format("\"%s\": %" PRIu64 ", ", name, count);
  }
  return text + format("\"seconds\": %.1f, \"passed\": %s}\n", tally.seconds,
                       passed ? "true" : "false");
}

bool GrowthRule::stalled(TimePoint now, uint64_t steps, size_t up) {
  if (steps != steps_ || up < 2) {
    steps_ = steps;
    since_ = now;
  }
  if (now - since_ < kWindow) return false;
  since_ = now;
  return true;
}

}  // namespace atoll_cli
