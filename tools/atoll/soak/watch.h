// Measures the processes of a soak from time to time, tells of them, and has the result judged.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "tools/atoll/soak/judge.h"
#include "tools/atoll/soak/options.h"
#include "tools/atoll/stress/run.h"

namespace atoll_cli {

inline constexpr int kExitTooShort = 2;

class SoakWatch final : public StressObserver {
 public:
  explicit SoakWatch(const SoakOptions& options);

  void look(double seconds, const std::string& address,
            const std::vector<StressProcessView>& processes) override;
  // The first worker's steps are those that are judged: it is always there.
  void heard(double seconds, const StressProcessView& worker, const ReportLine& line) override;
  int verdict() override;

 private:
  struct Life {
    pid_t pid = 0;
    SoakProcess process;
  };

  void look_at_coordinator(double seconds, const std::string& address,
                           const StressProcessView& coordinator);
  Life& life_of(const StressProcessView& process);
  void tell(double seconds, const std::vector<StressProcessView>& processes);
  void tell_steps();

  const SoakOptions& options_;
  const double sample_every_;  // seconds
  double next_sample_ = 0;
  double next_report_ = 0;
  double last_look_ = 0;
  std::vector<Life> lives_;
  std::vector<SoakSteps> steps_;
  size_t steps_told_ = 0;
};

}  // namespace atoll_cli
