// atoll stress-worker: one peer of a stress run. It reads what to do from its standard input, a
// word per line (reset, sample, leave), and reports to its standard output (stress_report.h).
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include <atoll/atoll.h>

#include "tools/atoll/commands.h"
#include "tools/atoll/soak/self.h"
#include "tools/atoll/stress/options.h"
#include "tools/atoll/stress/report.h"
#include "tools/atoll/stress/round.h"
#include "tools/atoll/stress/state.h"
#include "tools/atoll/stress/watchdog.h"

namespace atoll_cli {
namespace {

constexpr int kExitWrongResult = 3;
constexpr int kExitFault = 7;
constexpr uint32_t kLevelTimeoutMs = 200;
constexpr uint64_t kFaultyRound = 3;
constexpr size_t kFaultyWorld = 3;

std::string code_and_sentence(atollResult_t result, const std::string& sentence) {
  return std::to_string(static_cast<int>(result)) + " " + sentence;
}

class StressWorker {
 public:
  explicit StressWorker(const StressWorkerOptions& options)
      : options_(options), state_(options.tensor_bytes) {}
  ~StressWorker() { atollCommDestroy(comm_); }
  StressWorker(const StressWorker&) = delete;
  StressWorker& operator=(const StressWorker&) = delete;

  int run() {
    if (const auto created = create(); created != atollSuccess) return failed(created);
    // It blocks in a read until the process ends, and uses nothing that goes before.
    std::thread([this] { obey(); }).detach();
    StressRound round(comm_, state_, dog_, options_);
    atollResult_t result = connect();
    while (!leaves_ && result == atollSuccess) {
      misbehave_in_a_call();
      result = options_.steps > 0
                   ? round.run_steps(options_.steps)
                   : round.run(options_.fault == "corrupt-result" && rounds_ == kFaultyRound);
      sentence_ = round.sentence();
      if (result == atollSuccess) result = finish(round.facts());
      if (result >= 200 && result < 300) {
        report("retry " + code_and_sentence(result, sentence_));
        result = atollSuccess;
      } else if (result >= 300 && result < 400) {
        result = connect_again(result);
      }
    }
    if (!leaves_) return failed(result);
    return leave();
  }

 private:
  atollResult_t create() {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = options_.coordinator.c_str();
    config.name = options_.name.c_str();
    config.bind = "127.0.0.1";
    config.connect_timeout_ms = static_cast<uint32_t>(options_.deadline.count());
    config.update_timeout_ms = config.connect_timeout_ms;
    config.outcome_grace_ms = static_cast<uint32_t>(kOutcomeGrace.count());
    return atollCommCreate(&comm_, &config);
  }

  // Until it succeeds: the coordinator may be about to be restarted.
  atollResult_t connect() {
    while (!leaves_) {
      const StressWatchdog::Watch watch(dog_, "connect", options_.deadline + kHangMargin);
      const atollResult_t result = atollCommConnect(comm_);
      if (result == atollSuccess) return follow();
      if (result < 300 || result >= 400) {
        sentence_ = atollGetLastError();
        return result;
      }
      report("reconnect " + code_and_sentence(result, atollGetLastError()));
    }
    return atollSuccess;
  }

  // Rounds are short, so it is often let in before it is level, sometimes in the middle of a fetch.
  atollResult_t follow() {
    atollFollowOptions_t options = ATOLL_FOLLOW_OPTIONS_INITIALIZER;
    options.level_timeout_ms = kLevelTimeoutMs;
    const atollResult_t result = atollFollowState(comm_, state_.handle(), &options);
    if (result != atollSuccess) sentence_ = atollGetLastError();
    return result == atollNotConnected ? atollSuccess : result;  // the update will say so, too
  }

  atollResult_t connect_again(atollResult_t why) {
    report("reconnect " + code_and_sentence(why, sentence_));
    return connect();
  }

  // All members have come to the same end of the round, so all publish the same.
  atollResult_t finish(const RoundFacts& facts) {
    if (const auto result = state_.advance(facts.results); result != atollSuccess) {
      sentence_ = atollGetLastError();
      return result;
    }
    // Faults of tests wait until others would notice.
    if (options_.fault.empty() || facts.members.size() >= kFaultyWorld) ++rounds_;
    if (rounds_ == kFaultyRound && options_.fault == "corrupt-state") state_.corrupt();
    report("step " + std::to_string(state_.revision()) + " " + std::to_string(state_.hash()) + " " +
           std::to_string(facts.retries));
    if (options_.fault == "leak-descriptors") leak_descriptors(facts.step_ms.size());
    self_.note(facts);
    if (sample_wanted_.exchange(false)) report(self_.sample(comm_));
    return atollSuccess;
  }

  int failed(atollResult_t result) {
    report("failed " + code_and_sentence(result, sentence_));
    std::cerr << "FAILED: " << code_and_sentence(result, sentence_) << "\n";
    return kExitWrongResult;
  }

  int leave() {
    const StressWatchdog::Watch watch(dog_, "leave", options_.deadline + kHangMargin);
    atollCommLeave(comm_);  // it may have left already
    report("left");
    std::cerr.flush();
    ::_exit(0);  // the thread that reads commands is still there
  }

  void obey() {
    std::string word;
    while (std::getline(std::cin, word)) {
      if (word == "reset") atollResetConnections(comm_);  // not connected just now: nothing to cut
      if (word == "leave") leaves_ = true;
      if (word == "sample") sample_wanted_ = true;
    }
  }

  static void leak_descriptors(size_t count) {
    for (size_t i = 0; i < count; ++i) [[maybe_unused]] const int lost = ::dup(STDERR_FILENO);
  }

  // For tests of those who look.
  void misbehave_in_a_call() {
    if (rounds_ != kFaultyRound) return;
    if (options_.fault == "exit") ::_exit(kExitFault);
    if (options_.fault == "abort") std::abort();
    if (options_.fault == "stop") ::raise(SIGSTOP);
    while (options_.fault == "idle" && !leaves_) std::this_thread::sleep_for(Milliseconds(10));
    if (options_.fault != "hang") return;
    const StressWatchdog::Watch watch(dog_, "a call that does not end", options_.deadline);
    for (;;) ::pause();
  }

  const StressWorkerOptions& options_;
  StressState state_;
  StressWatchdog dog_;
  atollComm_t comm_ = nullptr;
  std::atomic<bool> leaves_{false};
  std::atomic<bool> sample_wanted_{false};
  SoakSelf self_;
  std::string sentence_;
  uint64_t rounds_ = 0;
};

}  // namespace

int run_stress_worker(const StressWorkerOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  return StressWorker(options).run();
}

}  // namespace atoll_cli
