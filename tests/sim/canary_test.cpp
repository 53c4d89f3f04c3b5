// Breaks a rule of the machines on purpose: the checker of the invariant that it serves must notice
// within 200 seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

#include "base/canary.h"
#include "simulate/runner.h"

namespace atoll_core::simulate {
namespace {

constexpr uint64_t kSeeds = 200;

struct Case {
  Canary rule;
  std::vector<std::string> invariants;  // one of them must be found violated
  const char* name;
  FaultMix mix{};
  uint64_t first_seed = 1;  // of a rule that few seeds find: not far before one of them
};

// Frames of an old attempt matter where somebody died whose data is in them.
FaultMix many_deaths() {
  FaultMix mix;
  mix.weights[static_cast<size_t>(Fault::kCrash)] = 30;
  mix.weights[static_cast<size_t>(Fault::kCrashInTheMiddle)] = 60;
  mix.weights[static_cast<size_t>(Fault::kComeBack)] = 15;
  mix.weights[static_cast<size_t>(Fault::kJoin)] = 15;
  return mix;
}

// Two lives of the coordinator that have counted alike, both with members, meet.
FaultMix many_lives() {
  FaultMix mix;
  mix.weights.fill(0);
  mix.weights[static_cast<size_t>(Fault::kPartLives)] = 1;
  mix.weights[static_cast<size_t>(Fault::kCancel)] = 1;
  return mix;
}

// The coordinator dies, by nothing but this, when one shard has heard its verdict.
FaultMix many_cut_verdicts() {
  FaultMix mix;
  mix.weights.fill(0);
  mix.weights[static_cast<size_t>(Fault::kJoin)] = 1;
  mix.weights[static_cast<size_t>(Fault::kCutVerdicts)] = 6;
  return mix;
}

// And members die, so that what it told of a call was told with a view without them.
FaultMix many_cut_views() {
  FaultMix mix = many_cut_verdicts();
  mix.weights[static_cast<size_t>(Fault::kCrashInTheMiddle)] = 1;
  mix.weights[static_cast<size_t>(Fault::kComeBack)] = 1;
  return mix;
}

// Its checker is about shards.
bool is_about_shards(Canary rule) {
  return rule == Canary::kDecidesAnew || rule == Canary::kTheLivingContributed;
}

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class BrokenRule : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { broken_rule = GetParam().rule; }
  void TearDown() override { broken_rule = Canary::kNone; }
};

TEST_P(BrokenRule, IsFound) {
  const std::vector<std::string>& wanted = GetParam().invariants;
  std::string others;
  uint64_t first = GetParam().first_seed;
  // For who looks for a seed that finds it, after calls have changed.
  if (const char* other = std::getenv("ATOLL_FIRST_SEED")) first = std::stoull(other);
  for (uint64_t seed = first; seed < first + kSeeds; ++seed) {
    RunOptions options;
    options.seed = seed;
    options.mix = GetParam().mix;
    options.often_two_coordinators = GetParam().rule == Canary::kNonceDecides;
    if (is_about_shards(GetParam().rule)) {
      options.often_several_shards = true;
      options.peers = 6;  // two or three to a replica
    }
    // For who looks into a rule that is not found.
    if (const char* shown = std::getenv("ATOLL_TRACE_SEED"); shown && std::stoull(shown) == seed) {
      options.trace = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
    }
    const Report report = run_seed(options);
    for (const Violation& violation : report.violations) {
      if (std::find(wanted.begin(), wanted.end(), violation.invariant) != wanted.end()) {
        std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(seed),
                    violation.invariant.c_str(), violation.text.c_str());
        return;
      }
      others += "\n  " + std::to_string(seed) + ": " + violation.invariant + ": " + violation.text;
    }
  }
  FAIL() << "not found in " << kSeeds << " seeds from " << first << "; only:" << others;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, BrokenRule,
    ::testing::Values(
        Case{Canary::kCommitOnePeerEarly, {"verdict agreement"}, "CommitOnePeerEarly"},
        Case{Canary::kForgetRetainedResult, {"verdict agreement", "contributors", "parity"},
             "ForgetRetainedResult"},
        Case{Canary::kLetGoWhileFrozen, {"contributors", "no loss", "liveness", "kept segments"},
             "LetGoWhileFrozen", many_deaths(), 260},
        Case{Canary::kSkipFence, {"contributors", "parity"}, "SkipFence", many_deaths(), 21},
        Case{Canary::kNonceDecides, {"who drives"}, "NonceDecides", many_lives(),
             461},
        Case{Canary::kFoundsTooEarly, {"who drives"}, "FoundsTooEarly", driving_faults()},
        Case{Canary::kReplaysTwice, {"liveness", "verdict agreement", "view agreement"},
             "ReplaysTwice"},
        Case{Canary::kRefusalIsFatal, {"liveness"}, "RefusalIsFatal", reach_faults()},
        Case{Canary::kForgetsGeneration,
             {"assertion", "liveness", "verdict agreement", "contributors", "no loss"},
             "ForgetsGeneration"},
        Case{Canary::kTheLivingContributed, {"verdict agreement"}, "TheLivingContributed",
             many_cut_views(), 171},
        Case{Canary::kDecidesAnew, {"verdict agreement"}, "DecidesAnew", many_cut_verdicts()},
        Case{Canary::kCapWaits, {"liveness"}, "CapWaits"},
        Case{Canary::kOlderStateWins, {"no loss"}, "OlderStateWins"}),
    [](const auto& rule) { return std::string(rule.param.name); });

}  // namespace
}  // namespace atoll_core::simulate
