// The parent of a stress run: starts a coordinator and workers, brings misfortune over them, and
// compares what they report.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tools/atoll/stress/options.h"
#include "tools/atoll/stress/parity.h"
#include "tools/atoll/stress/process.h"
#include "tools/atoll/stress/report.h"
#include "tools/atoll/stress/schedule.h"
#include "tools/atoll/stress/tally.h"

namespace atoll_cli {

// One process of a run, for those who look.
struct StressProcessView {
  const std::string& name;
  const StressProcess& process;
  bool kept = false;  // it is never killed
};

// Looks at a run while it goes on.
class StressObserver {
 public:
  virtual ~StressObserver() = default;
  // Often; `seconds` since the beginning, and all processes that are to go on, the coordinator (at
  // `address`) first.
  virtual void look(double seconds, const std::string& address,
                    const std::vector<StressProcessView>& processes) = 0;
  // What a worker has said about itself.
  virtual void heard(double seconds, const StressProcessView& worker, const ReportLine& line) = 0;
  // The end: an exit code.
  virtual int verdict() = 0;
};

class StressRun {
 public:
  using Clock = std::chrono::steady_clock;
  using TimePoint = Clock::time_point;

  // Logs, and what the coordinator keeps, go to `folder`. `observer` may be null.
  StressRun(const StressOptions& options, std::string folder, StressObserver* observer);

  // Until the time is up or `stop` is set.
  void run(const std::atomic<bool>& stop);
  const StressTally& tally() const { return tally_; }

 private:
  struct Worker {
    std::string name;
    std::unique_ptr<StressProcess> process;
    TimePoint heard{};         // its last line
    TimePoint thaw{};          // when it is to go on; only while frozen
    bool frozen = false;
    bool synced = false;       // has held the run's state since it last connected
    bool kept = false;         // it is never killed, nor told to leave
    bool told_to_leave = false;
    bool left = false;         // the run, though the process may not have ended yet
    bool ending = false;       // killed by us, or its end was counted already
    bool gone = false;         // its process has ended, and was looked at
    uint64_t revision = 0;
    uint64_t hash = 0;
  };

  void start_coordinator(const std::string& listen);
  void start_worker();
  void bring_misfortune();
  bool bring(Misfortune kind);
  void thaw_frozen();
  std::vector<Worker*> expendable(Misfortune kind);
  void show();
  bool holds_newest(const Worker& worker) const;

  void look_after_children(Milliseconds patience);
  void listen_to(Worker& worker);
  void take(Worker& worker, const ReportLine& line);
  void note_content(Worker& worker, const ReportLine& line);
  void reap();
  void find_hangs();
  void stop_everybody();

  void say(const std::string& sentence) const;
  void find(uint64_t& counter, const Worker& worker, const std::string& sentence);
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  Milliseconds hang_limit() const { return options_.deadline + kOutcomeGrace + 3 * kHangMargin; }
  double seconds_since_start() const;
  size_t count_up() const;
  size_t count_alive() const;

  const StressOptions& options_;
  const std::string folder_;
  StressObserver* const observer_;
  const TimePoint start_;
  StressSchedule schedule_;
  GrowthRule growth_;
  ParityLedger ledger_;
  StressTally tally_;
  std::string address_;
  std::unique_ptr<StressProcess> coordinator_;
  std::vector<std::unique_ptr<Worker>> workers_;
  unsigned workers_started_ = 0;
  bool stopping_ = false;
};

}  // namespace atoll_cli
