// Whether a run that has lasted shows that something grows: series in, verdict out.
//
// Each process is judged after its warm-up, the first sixth of its life and at most 5 minutes.
//   memory       The slope of its private memory (Theil-Sen, with its 95 % interval) in KiB/min. It
//                grows if all of the interval is above `memory_kib_per_minute`, and is flat if all
//                of it is below twice that; otherwise the run was too short to tell. What has grown
//                for a while and then stopped is judged by its last half.
//   descriptors  Less those that connections take; the median of the last third against that of the
//   threads      first.
//   tables       Those with a limit against their limit. Others grow if the last third has twice as
//                much as the first, and 64 entries or 64 KiB more, and the slope is above 0.
//   steps        The median time of a step in the last third against that in the first, among those
//                with the number of members that was there most often.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace atoll_cli {

struct SoakSample {
  double seconds = 0;       // since the soak began
  double resident_kib = 0;
  double private_kib = 0;   // anonymous pages
  double descriptors = 0;
  double connections = 0;   // that the process knows of
  double threads = 0;
  std::map<std::string, double> tables;  // entries of each
};

struct SoakProcess {
  std::string name;
  bool lasts = false;  // was there from beginning to end; without it nothing can be judged
  std::vector<SoakSample> samples;
};

// Of the steps since the one before.
struct SoakSteps {
  double seconds = 0;
  double median_ms = 0;
  unsigned members = 0;
};

struct SoakSeries {
  double seconds = 0;  // how long it has lasted
  std::vector<SoakProcess> processes;
  std::vector<SoakSteps> steps;
};

struct SoakBars {
  double memory_kib_per_minute = 50;
  double descriptors = 1;  // more by so many is no growth
  double threads = 1;
  double step_factor = 1.25;
  std::map<std::string, double> table_limits{{"names", 65536}};
};

enum class SoakOutcome { kFlat, kTooShort, kGrows };  // the worse, the later

struct SoakFinding {
  SoakOutcome outcome = SoakOutcome::kFlat;
  std::string sentence;  // process, quantity and values
};

struct SoakVerdict {
  SoakOutcome outcome = SoakOutcome::kFlat;  // the worst of the findings
  std::vector<SoakFinding> findings;
};

SoakVerdict judge(const SoakSeries& series, const SoakBars& bars = {});

}  // namespace atoll_cli
