// What a run, or many, did: how often each fault met each phase, and how often everything that is
// to be tested happened at all.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "simulate/fault.h"

namespace atoll_core::simulate {

enum class Count : uint8_t {
  kEvents,       // messages that arrived, timers, faults
  kCalls,
  kCommits,      // calls that ended with a result
  kAborts,       // calls that ended with an error that all share
  kRetries,      // results that took more than one attempt
  kKept,         // results in which segments of an earlier attempt stand
  kUnknown,      // calls that ended with the peer's part in the run
  kCancelled,
  kTimedOut,
  kSyncs,        // that elected a content
  kFetches,      // of them, those for which bytes had to come
  kFollows,        // newcomers that had the members' state when their first update ended
  kStateCuts,      // states that had been handed to newcomers when they were written to
  kResultFetches,  // results of small calls that had to be asked for
  kRings,          // attempts of calls, by algorithm
  kStars,
  kMeshes,
  kDirects,
  kExchanges,
  kParts,
  kReduceScatters,  // results, by kind
  kAllGathers,
  kReduces,
  kGathers,
  kScatters,
  kSends,
  kAllToAlls,
  kSettleRounds,
  kEvictions,
  kReplans,      // generations that began for a new plan alone
  kAdmissions,
  kResumes,      // control sessions that went on over a new connection
  kReconnects,   // lives of a program after its first one
  kPartedShards,  // deaths of the coordinator after which one shard knew of a commit, another not
  kDropped,      // outcomes told by peers that were no members any more, not compared
};
inline constexpr size_t kCountCount = 35;

inline constexpr std::array<std::string_view, kCountCount> kCountNames = {
    "events", "calls", "commits", "aborts", "retries", "kept segments", "unknown outcomes",
    "cancelled", "timed out", "syncs", "fetches", "states followed", "states cut",
    "result fetches", "rings", "stars", "meshes", "directs", "exchanges", "parts",
    "reduce-scatters", "all-gathers", "reduces", "gathers", "scatters", "sends", "all-to-alls",
    "settle rounds", "evictions", "new plans", "admissions", "sessions resumed", "reconnects",
    "shards parted", "outcomes of the dropped"};

class Statistics {
 public:
  void add(Count count, uint64_t more = 1) { counts_[static_cast<size_t>(count)] += more; }
  void met(Fault fault, Phase phase) {
    ++faults_[static_cast<size_t>(fault)][static_cast<size_t>(phase)];
  }
  void add(const Statistics& other);

  uint64_t of(Count count) const { return counts_[static_cast<size_t>(count)]; }
  uint64_t of(Fault fault, Phase phase) const {
    return faults_[static_cast<size_t>(fault)][static_cast<size_t>(phase)];
  }
  uint64_t of(Fault fault) const;

  // The names of what should have happened in runs with these faults, and has not.
  std::vector<std::string> zeros(const FaultMix& mix) const;

 private:
  std::array<uint64_t, kCountCount> counts_{};
  std::array<std::array<uint64_t, kPhaseCount>, kFaultCount> faults_{};
};

}  // namespace atoll_core::simulate
