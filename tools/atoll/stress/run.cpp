#include "tools/atoll/stress/run.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace atoll_cli {
namespace {

constexpr Milliseconds kTick{10};
constexpr Milliseconds kCoordinatorPatience{10'000};
constexpr unsigned kHeartbeatsPerTimeout = 5;
constexpr uint64_t kRevisionsRemembered = 100'000;
constexpr unsigned kFaultyWorker = 2;
const std::string kCoordinatorName = "coordinator";

}  // namespace

StressRun::StressRun(const StressOptions& options, std::string folder, StressObserver* observer)
    : options_(options),
      folder_(std::move(folder)),
      observer_(observer),
      start_(Clock::now()),
      schedule_(options, start_),
      growth_(start_) {
  tally_.seed = options.seed;
}

void StressRun::run(const std::atomic<bool>& stop) {
  start_coordinator("127.0.0.1:0");
  for (unsigned i = 0; i < options_.peers; ++i) start_worker();
  StressTally last_shown = tally_;
  TimePoint next_line = start_ + options_.live_line_every;
  while (!stop && Clock::now() - start_ < options_.duration) {
    look_after_children(kTick);
    bring_misfortune();
    const TimePoint now = Clock::now();
    tally_.seconds = seconds_since_start();
    if (observer_ != nullptr) show();
    if (growth_.stalled(now, tally_.steps, count_up())) {
      ++tally_.stalls;
      say("no step for 5 s with " + std::to_string(count_up()) + " peers up");
    }
    if (now < next_line) continue;
    say(live_line(tally_, last_shown, count_up(), count_alive()));
    last_shown = tally_;
    next_line = now + options_.live_line_every;
  }
  stop_everybody();
}

void StressRun::show() {
  std::vector<StressProcessView> processes{{kCoordinatorName, *coordinator_, true}};
  for (const auto& worker : workers_) {
    const bool stays = !worker->frozen && !worker->ending && !worker->told_to_leave;
    if (stays) processes.push_back({worker->name, *worker->process, worker->kept});
  }
  observer_->look(tally_.seconds, address_, processes);
}

double StressRun::seconds_since_start() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void StressRun::say(const std::string& sentence) const {
  std::fprintf(stderr, "%s\n", sentence.c_str());
}

void StressRun::find(uint64_t& counter, const Worker& worker, const std::string& sentence) {
  ++counter;
  std::fprintf(stderr, "at %.3f s %s (process %d): %s\n", seconds_since_start(),
               worker.name.c_str(), worker.process->pid(), sentence.c_str());
}

size_t StressRun::count_up() const {
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(), [](const auto& one) {
    return one->revision > 0 && !one->frozen && !one->ending;
  }));
}

size_t StressRun::count_alive() const {
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(),
                                           [](const auto& one) { return !one->ending; }));
}

// ---- processes ---------------------------------------------------------------------------------

void StressRun::start_coordinator(const std::string& listen) {
  const std::string port_file = path("coordinator.port");
  std::remove(port_file.c_str());
  std::vector<std::string> arguments = {
      "coordinator", "--listen", listen, "--port-file", port_file,
      "--peer-timeout-ms", std::to_string(options_.peer_timeout_ms),
      "--heartbeat-ms", std::to_string(options_.peer_timeout_ms / kHeartbeatsPerTimeout)};
  if (options_.coordinator_keeps_state) {
    arguments.insert(arguments.end(), {"--state-dir", path("coordinator.state"),
                                       "--rejoin-window-ms", "1500"});
  }
  coordinator_ = std::make_unique<StressProcess>(arguments, path("coordinator.log"));
  const TimePoint until = Clock::now() + kCoordinatorPatience;
  std::string address;
  while (address.empty()) {
    std::ifstream(port_file) >> address;
    if (Clock::now() > until || coordinator_->ended()) {
      throw std::runtime_error("the coordinator does not listen on " + listen + ": see " +
                               path("coordinator.log"));
    }
    ::poll(nullptr, 0, 1);
  }
  address_ = address;
}

void StressRun::start_worker() {
  auto worker = std::make_unique<Worker>();
  worker->name = "worker-" + std::to_string(++workers_started_);
  worker->heard = Clock::now();
  worker->kept = workers_started_ <= options_.kept;
  std::vector<std::string> arguments = {
      "stress-worker", "--coordinator", address_, "--name", worker->name,
      "--tensor-bytes", std::to_string(options_.tensor_bytes),
      "--deadline-ms", std::to_string(options_.deadline.count()),
      "--steps", std::to_string(options_.steps)};
  if (workers_started_ == kFaultyWorker && !options_.worker_fault.empty()) {
    arguments.insert(arguments.end(), {"--fault", options_.worker_fault});
  }
  worker->process = std::make_unique<StressProcess>(arguments, path(worker->name + ".log"));
  workers_.push_back(std::move(worker));
}

// ---- misfortune --------------------------------------------------------------------------------

void StressRun::bring_misfortune() {
  thaw_frozen();
  for (size_t i = 0; i < static_cast<size_t>(Misfortune::kCount); ++i) {
    const auto kind = static_cast<Misfortune>(i);
    if (schedule_.due(kind, Clock::now()) && bring(kind)) schedule_.done(kind, Clock::now());
  }
}

void StressRun::thaw_frozen() {
  const TimePoint now = Clock::now();
  for (const auto& worker : workers_) {
    if (!worker->frozen || now < worker->thaw) continue;
    worker->process->signal(SIGCONT);
    worker->frozen = false;
    worker->synced = false;  // perhaps the run has gone on without it
    worker->heard = now;
  }
}

bool StressRun::holds_newest(const Worker& worker) const {
  return worker.synced && !worker.frozen && !worker.ending && !worker.told_to_leave &&
         worker.revision + 1 >= ledger_.newest();
}

// Those without whom two are left, one of whom holds the state.
std::vector<StressRun::Worker*> StressRun::expendable(Misfortune kind) {
  const bool for_good = kind == Misfortune::kKill || kind == Misfortune::kLeave;
  std::vector<Worker*> all;
  size_t holders = 0;
  size_t running = 0;
  for (const auto& worker : workers_) {
    if (holds_newest(*worker)) ++holders;
    if (worker->frozen || worker->ending || worker->told_to_leave) continue;
    ++running;
    all.push_back(worker.get());
  }
  if (running <= 2) return {};
  const auto needed = [&](Worker* one) {
    return (for_good && one->kept) || holders - (holds_newest(*one) ? 1 : 0) == 0;
  };
  all.erase(std::remove_if(all.begin(), all.end(), needed), all.end());
  return all;
}

// False: it cannot be now, so it stays due.
bool StressRun::bring(Misfortune kind) {
  if (kind == Misfortune::kJoin) {
    if (count_alive() >= options_.peers) return false;
    start_worker();
    ++tally_.joins;
    return true;
  }
  if (kind == Misfortune::kCoordinatorRestart) {
    coordinator_->signal(SIGKILL);
    coordinator_.reset();
    start_coordinator(address_);
    ++tally_.coordinator_restarts;
    return true;
  }
  const std::vector<Worker*> victims = expendable(kind);
  if (victims.empty()) return false;
  Worker& victim = *victims[schedule_.pick(victims.size())];
  if (kind == Misfortune::kKill) {
    victim.process->signal(SIGKILL);
    victim.ending = true;
    ++tally_.kills;
  } else if (kind == Misfortune::kLeave) {
    victim.process->send_line("leave");
    victim.told_to_leave = true;
    ++tally_.leaves;
  } else if (kind == Misfortune::kFreeze) {
    victim.process->signal(SIGSTOP);
    victim.frozen = true;
    victim.thaw = Clock::now() + options_.freeze_for;
    ++tally_.freezes;
  } else {
    victim.process->send_line("reset");
    ++tally_.connection_resets;
  }
  return true;
}

// ---- what the workers say ----------------------------------------------------------------------

void StressRun::look_after_children(Milliseconds patience) {
  std::vector<pollfd> outputs;
  for (const auto& worker : workers_) outputs.push_back({worker->process->output(), POLLIN, 0});
  // The pipe of one that has just ended stays readable; it is reaped below.
  ::poll(outputs.data(), outputs.size(), static_cast<int>(patience.count()));
  for (const auto& worker : workers_) listen_to(*worker);
  reap();
  find_hangs();
}

void StressRun::listen_to(Worker& worker) {
  for (const std::string& line : worker.process->read_lines()) take(worker, parse_report(line));
}

void StressRun::take(Worker& worker, const ReportLine& line) {
  worker.heard = Clock::now();
  if (line.word == "sync" || line.word == "step") {
    note_content(worker, line);
  } else if (line.word == "retry") {
    ++tally_.failed_calls;
  } else if (line.word == "reconnect") {
    ++tally_.reconnects;
    worker.synced = false;
  } else if (line.word == "sample") {
    if (observer_ != nullptr) {
      observer_->heard(seconds_since_start(), {worker.name, *worker.process, worker.kept}, line);
    }
  } else if (line.word == "left") {
    worker.left = true;
  } else if (line.word == "wrong") {
    find(tally_.parity_failures, worker, line.sentence);
  } else if (line.word == "hang") {
    find(tally_.hangs, worker, "hangs " + line.sentence);
    worker.ending = true;
  } else if (line.word == "failed") {
    find(tally_.unexpected_exits, worker,
         "gave up with result " + std::to_string(line.number(0)) + ": " + line.sentence);
    worker.ending = true;
  }
}

void StressRun::note_content(Worker& worker, const ReportLine& line) {
  const bool synced = line.word == "sync";
  const uint64_t revision = line.number(0);
  const uint64_t hash = line.number(1);
  std::optional<ContentDigest> digest;
  if (synced) digest = ContentDigest{line.number(2), line.number(3)};
  if (!synced) tally_.retries += line.number(2);
  worker.revision = revision;
  worker.hash = hash;
  worker.synced = worker.synced || synced;
  if (revision == 0) return;
  ParityLedger::Finding finding = ledger_.note(revision, hash, digest);
  if (finding == ParityLedger::Finding::kDifferent) {
    // Nobody is left who holds that revision as it was known: then it is lost, not contradicted.
    const bool contradicted =
        std::any_of(workers_.begin(), workers_.end(), [&](const auto& other) {
          // One that stands still may have been dropped: what it was told then binds nobody.
          const bool member = other->synced && !other->frozen && !other->ending && !other->left;
          return other.get() != &worker && member && other->revision >= revision &&
                 ledger_.agrees(other->revision, other->hash);
        });
    if (stopping_ && !contradicted) return;  // those who come last begin anew
    if (contradicted) {
      return find(tally_.parity_failures, worker,
                  "holds revision " + std::to_string(revision) + " with another content");
    }
    find(tally_.state_losses, worker,
         "goes on from revision " + std::to_string(revision) + ", which was lost");
    ledger_.forget_from(revision);
    finding = ledger_.note(revision, hash, digest);
  }
  if (finding != ParityLedger::Finding::kNew) return;
  ++tally_.steps;
  if (revision > kRevisionsRemembered) ledger_.forget_below(revision - kRevisionsRemembered);
}

void StressRun::reap() {
  for (const auto& worker : workers_) {
    const std::optional<int> status = worker->process->ended();
    if (!status) continue;
    worker->gone = true;
    listen_to(*worker);  // its last words
    const bool expected = worker->ending || (worker->told_to_leave && *status == 0);
    worker->ending = true;
    if (!expected) {
      find(tally_.unexpected_exits, *worker, "ended unexpectedly with " + describe_exit(*status));
    }
  }
  // Not those that have ended just now: they are still to be looked at.
  const auto gone = [](const auto& worker) { return worker->gone; };
  workers_.erase(std::remove_if(workers_.begin(), workers_.end(), gone), workers_.end());
  if (coordinator_ == nullptr || !coordinator_->ended()) return;
  ++tally_.unexpected_exits;
  say("the coordinator ended unexpectedly with " + describe_exit(*coordinator_->ended()));
  start_coordinator(address_);
}

// Workers say when one of their calls hangs. This is for those who cannot even do that.
void StressRun::find_hangs() {
  const TimePoint now = Clock::now();
  for (const auto& worker : workers_) {
    if (worker->frozen || worker->ending || now - worker->heard < hang_limit()) continue;
    find(tally_.hangs, *worker, "has said nothing for " + std::to_string(hang_limit().count()) +
                                    " ms\n" + thread_states_of(worker->process->pid()));
    worker->ending = true;
    worker->process->signal(SIGKILL);
  }
}

void StressRun::stop_everybody() {
  stopping_ = true;
  for (const auto& worker : workers_) {
    if (worker->frozen) worker->process->signal(SIGCONT);
    worker->frozen = false;
    worker->heard = Clock::now();
    worker->told_to_leave = true;
    worker->process->send_line("leave");
  }
  // Their own watchdogs end those who hang in a call; find_hangs ends the others.
  const TimePoint until = Clock::now() + 3 * hang_limit();
  while (!workers_.empty() && Clock::now() < until) look_after_children(kTick);
  for (const auto& worker : workers_) {
    find(tally_.hangs, *worker, "does not leave\n" + thread_states_of(worker->process->pid()));
  }
  workers_.clear();
  coordinator_->signal(SIGTERM);
  const TimePoint patience = Clock::now() + kCoordinatorPatience;
  while (!coordinator_->ended() && Clock::now() < patience) ::poll(nullptr, 0, 1);
  const std::optional<int> status = coordinator_->ended();
  if (status && *status == 0) return;
  ++tally_.unexpected_exits;
  say("the coordinator does not stop in order: " +
      (status ? describe_exit(*status) : std::string("still there")));
}

}  // namespace atoll_cli
