// What a worker of a soak tells of itself when it is asked, at the next end of a round: it is in no
// call then, so that what calls take for a moment is no noise.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <atoll/atoll.h>

#include "tools/atoll/stress/round.h"

namespace atoll_cli {

// The tables of atollFormatState, in the order in which a sample tells them.
inline constexpr std::array kSoakTables = {
    "names",         "open_calls", "ended_calls",      "early_verdicts", "stashed_attempts",
    "stashed_bytes", "links",      "log_lines_waiting"};

// The numbers of a sample; those of the tables come last.
enum SoakNumber : size_t {
  kSoakResidentKib,
  kSoakPrivateKib,
  kSoakDescriptors,
  kSoakThreads,
  kSoakConnections,
  kSoakMembers,
  kSoakSteps,  // since the last sample
  kSoakMedianUs,
  kSoakFirstTable,
};

class SoakSelf {
 public:
  void note(const RoundFacts& facts);
  // A line of stress_report.h.
  std::string sample(atollComm_t comm);

 private:
  size_t members_ = 0;
  std::vector<double> step_ms_;  // with so many members
};

}  // namespace atoll_cli
