// What a newcomer costs those who train. TCP over loopback, a thread and a communicator for each
// peer:
//
//   join [--members 3] [--mib 256] [--reduce-mib 16] [--inner-ms 1500] [--trials 4]
//
// Members make steps as in DiLoCo: sync the state, compute (they sleep, as if an accelerator did),
// update, sum what they computed, take the same outer step, which changes all of the state, publish
// it. In the middle of that one more peer joins, in turn
//   followed    with atollFollowState: it has the state before it is let in
//   levelled    without: the members' next sync brings it
// Measured: how long each member's steps take without their computing, from the newcomer's connect
// until it has been in a sync, next to the steps before it and those after, which have one peer
// more. Every sync after that must move nothing,
// and sums are checked by value. Exit code 0: all was right. It does not depend on the times.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <atoll/atoll.hpp>

namespace {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

struct Options {
  unsigned members = 3;
  unsigned mib = 256;
  unsigned reduce_mib = 16;
  unsigned inner_ms = 1500;
  unsigned trials = 4;
};

double ms_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

void check(atollResult_t result) {
  if (result != atollSuccess) throw std::runtime_error(atollGetLastError());
}

// ---- the coordinator ---------------------------------------------------------------------------

class Coordinator {
 public:
  explicit Coordinator(unsigned members) {
    atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
    config.min_replicas = members;
    check(atollCoordinatorCreate(&coordinator_, &config));
    const char* address = nullptr;
    check(atollCoordinatorGetAddress(coordinator_, &address));
    address_ = address;
    thread_ = std::thread([this] { (void)atollCoordinatorRun(coordinator_); });
  }
  ~Coordinator() {
    (void)atollCoordinatorStop(coordinator_);
    thread_.join();
    (void)atollCoordinatorDestroy(coordinator_);
  }
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  const std::string& address() const { return address_; }

 private:
  atollCoordinator_t coordinator_ = nullptr;
  std::string address_;
  std::thread thread_;
};

// ---- peers -------------------------------------------------------------------------------------

struct Step {
  TimePoint begun;
  TimePoint ended;
  double busy_ms = 0;  // without computing
  uint64_t revision = 0;
};

// What the peers of one trial share.
struct Trial {
  const Options& options;
  std::string coordinator;
  std::atomic<uint64_t> last_step{UINT64_MAX};  // all make steps up to this one
  std::atomic<bool> newcomer_synced{false};
  std::atomic<bool> right{true};
};

class Peer {
 public:
  Peer(Trial& trial, unsigned index, bool follows)
      : trial_(trial), index_(index), follows_(follows) {}

  void start() {
    thread_ = std::thread([this] {
      try {
        run();
      } catch (const std::exception& exception) {
        std::fprintf(stderr, "join: peer %u: %s\n", index_, exception.what());
        trial_.right = false;
        trial_.last_step = 0;
      }
    });
  }
  void join() { thread_.join(); }
  // Once it has ended, or for the number of steps while it goes on.
  std::vector<Step> steps() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return steps_;
  }

  std::atomic<double> fetched_ms{0};   // of a newcomer: in its first update, until it was level
  std::atomic<uint64_t> sync_bytes{0};  // what its syncs brought

 private:
  bool newcomer() const { return index_ == trial_.options.members; }

  static float value_of(uint64_t peer, uint64_t revision, uint64_t element) {
    uint64_t x = revision * 0x9e3779b97f4a7c15u + peer * 0xbf58476d1ce4e5b9u + element;
    x = (x ^ (x >> 30)) * 0x94d049bb133111ebu;
    return static_cast<float>((x >> 40) & 15);  // sums are exact in any order
  }

  void run() {
    const Options& options = trial_.options;
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    const std::string name = "island-" + std::to_string(index_);
    config.coordinator = trial_.coordinator.c_str();
    config.name = name.c_str();
    config.bind = "127.0.0.1";
    config.trace = [](void* self, const char* point) { static_cast<Peer*>(self)->traced(point); };
    config.trace_user = this;
    std::vector<float> memory(uint64_t{options.mib} << 18);
    std::vector<float> sums(uint64_t{options.reduce_mib} << 18);
    atoll_cpp::Communicator comm(config);
    atollState_t state = nullptr;
    check(atollStateCreate(&state));
    check(atollStateAddTensor(state, "parameters", memory.data(), atollFloat32, memory.size()));
    if (!newcomer()) check(atollStatePublish(state, 1));
    comm.connect();
    if (follows_) check(atollFollowState(comm.handle(), state, nullptr));
    uint64_t self = 0;
    if (newcomer()) {
      self = comm.update().peer;
      // Let in between the others' computing and their sum.
      outer_step(comm, state, memory, sums, self, true);
    } else {
      comm.update();
    }
    for (uint64_t revision = 1; revision <= trial_.last_step;) {
      Step step;
      step.begun = Clock::now();
      sync(comm, state);
      const TimePoint computes = Clock::now();
      std::this_thread::sleep_for(std::chrono::milliseconds(options.inner_ms));
      const TimePoint computed = Clock::now();
      self = comm.update().peer;
      revision = outer_step(comm, state, memory, sums, self, false);
      step.ended = Clock::now();
      step.busy_ms = ms_between(step.begun, step.ended) - ms_between(computes, computed);
      step.revision = revision;
      const std::lock_guard<std::mutex> lock(mutex_);
      steps_.push_back(step);
    }
    sync(comm, state);
    check(atollStateDestroy(state));
  }

  void traced(const char* point) {
    if (std::strcmp(point, "state.offer") == 0 && !offered_) {
      offered_ = true;
      offered_at_ = Clock::now();
    }
    if (std::strcmp(point, "state.level") == 0) fetched_ms = ms_between(offered_at_, Clock::now());
  }

  void sync(atoll_cpp::Communicator& comm, atollState_t state) {
    atollSyncInfo_t info = ATOLL_SYNC_INFO_INITIALIZER;
    check(atollSyncState(comm.handle(), state, nullptr, &info));
    sync_bytes += info.bytes_received;
    if (!newcomer() && info.bytes_received > 0) throw std::runtime_error("a member had to fetch");
    if (newcomer()) trial_.newcomer_synced = true;
  }

  // The sum of what all computed, added to the first part of the state, and a change of the rest.
  uint64_t outer_step(atoll_cpp::Communicator& comm, atollState_t state,
                      std::vector<float>& memory, std::vector<float>& sums, uint64_t self,
                      bool has_computed_nothing) {
    uint64_t revision = 0;
    check(atollStateGetRevision(state, &revision));
    for (uint64_t i = 0; i < sums.size(); ++i) {
      sums[i] = has_computed_nothing ? 0.0f : value_of(self, revision, i);
    }
    uint64_t ids[16];
    atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
    info.contributor_ids = ids;
    info.contributor_capacity = 16;
    check(atollAllReduce(sums.data(), sums.data(), sums.size(), atollFloat32, atollSum,
                         comm.handle(), nullptr, &info));
    check_sums(sums, info, revision, has_computed_nothing ? self : 0);
    check(atollStateBeginWrite(state));
    for (uint64_t i = 0; i < sums.size(); ++i) memory[i] += sums[i];
    for (uint64_t i = sums.size(); i < memory.size(); ++i) memory[i] += 1.0f;
    check(atollStatePublish(state, ++revision));
    return revision;
  }

  // Unless a newcomer takes part for the first time: of its zeros only it knows, and it may not
  // know the revision.
  void check_sums(const std::vector<float>& sums, const atollOpInfo_t& info, uint64_t revision,
                  uint64_t zeros_of) {
    const bool known = zeros_of != 0 ? follows_
                                     : info.contributors == contributors_ || contributors_ == 0;
    contributors_ = info.contributors;
    if (!known) return;
    for (uint64_t i = revision % 1009; i < sums.size(); i += 1009) {
      float sum = 0;
      for (uint32_t k = 0; k < info.contributors; ++k) {
        const uint64_t peer = info.contributor_ids[k];
        if (peer != zeros_of) sum += value_of(peer, revision, i);
      }
      if (sums[i] != sum) throw std::runtime_error("a wrong sum");
    }
  }

  Trial& trial_;
  const unsigned index_;
  const bool follows_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Step> steps_;
  uint32_t contributors_ = 0;
  bool offered_ = false;
  TimePoint offered_at_;
};

// ---- the trials --------------------------------------------------------------------------------

struct Sample {
  std::vector<double> values;
  double median() const {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
  double least() const { return *std::min_element(values.begin(), values.end()); }
  double most() const { return *std::max_element(values.begin(), values.end()); }
  void print(const char* what) const {
    if (values.empty()) return;
    std::printf("%-58s %9.1f %9.1f %9.1f  ms\n", what, median(), least(), most());
  }
};

struct Samples {
  Sample before;   // steps of members, undisturbed
  Sample longest;  // the longest of them and of those after
  Sample worst;    // the longest step of any member while the newcomer came
  Sample after;    // steps of members with the newcomer
  Sample delay;    // by which the worst was longer than the slower ones of before and after
  Sample excess;   // by which it was longer than the longest of them
  Sample fetched;  // the newcomer's fetch
  Sample joined;   // from its start until it has been in a sync
};

constexpr uint64_t kStepsBefore = 4;

bool run_trial(const Options& options, bool follows, Samples& samples) {
  Coordinator coordinator(options.members);
  Trial trial{options, coordinator.address()};
  std::vector<std::unique_ptr<Peer>> members;
  for (unsigned i = 0; i < options.members; ++i) {
    members.push_back(std::make_unique<Peer>(trial, i, follows));
    members.back()->start();
  }
  while (trial.right && members.front()->steps().size() < kStepsBefore) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Peer newcomer(trial, options.members, follows);
  const TimePoint came = Clock::now();
  newcomer.start();
  while (trial.right && !trial.newcomer_synced) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const TimePoint synced = Clock::now();
  if (trial.right) trial.last_step = members.front()->steps().back().revision + 3;
  for (const auto& member : members) member->join();
  newcomer.join();
  if (!trial.right) return false;
  if (follows && newcomer.sync_bytes > 0) {
    std::fprintf(stderr, "join: the newcomer was let in without the state\n");
    return false;
  }
  Sample before;
  Sample after;
  double worst = 0;
  for (const auto& member : members) {
    const std::vector<Step> steps = member->steps();
    for (size_t i = 1; i < steps.size(); ++i) {  // the first one makes pages
      if (steps[i].ended < came) before.values.push_back(steps[i].busy_ms);
      else if (steps[i].begun <= synced) worst = std::max(worst, steps[i].busy_ms);
      else after.values.push_back(steps[i].busy_ms);
    }
  }
  samples.before.values.push_back(before.median());
  samples.worst.values.push_back(worst);
  samples.after.values.push_back(after.median());
  samples.delay.values.push_back(worst - std::max(before.median(), after.median()));
  const double longest = std::max(before.most(), after.most());
  samples.longest.values.push_back(longest);
  samples.excess.values.push_back(worst - longest);
  if (follows) samples.fetched.values.push_back(newcomer.fetched_ms);
  samples.joined.values.push_back(ms_between(came, synced));
  return true;
}

void print(const char* how, const Samples& samples) {
  std::printf("%s\n", how);
  samples.before.print("  a member's step before, without its computing");
  samples.after.print("  such a step after, with the newcomer");
  samples.worst.print("  the longest such step while the newcomer comes");
  samples.longest.print("  the longest step before and after");
  samples.delay.print("  so a member is delayed by at most");
  samples.excess.print("  beyond the longest step without a newcomer");
  samples.fetched.print("  the newcomer's fetch");
  samples.joined.print("  from its start until it has been in a sync");
}

}  // namespace

int main(int count, char** words) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string word = words[i];
    const auto value = static_cast<unsigned>(std::strtoul(words[i + 1], nullptr, 10));
    if (word == "--members") options.members = value;
    else if (word == "--mib") options.mib = value;
    else if (word == "--reduce-mib") options.reduce_mib = value;
    else if (word == "--inner-ms") options.inner_ms = value;
    else if (word == "--trials") options.trials = value;
    else count = 0;
  }
  const bool fine = count > 0 && count % 2 == 1 && options.members >= 1 && options.members < 16 &&
                    options.reduce_mib >= 1 && options.reduce_mib <= options.mib;
  if (!fine) {
    std::fprintf(stderr, "usage: join [--members 3] [--mib 256] [--reduce-mib 16] "
                         "[--inner-ms 1500] [--trials 4]\n");
    return 2;
  }
  Samples followed;
  Samples levelled;
  for (unsigned trial = 0; trial < options.trials; ++trial) {
    const bool follows = trial % 2 == 0;
    if (!run_trial(options, follows, follows ? followed : levelled)) return 1;
    std::fprintf(stderr, "join: trial %u of %u\n", trial + 1, options.trials);
  }
  std::printf("%u members, %u MiB of state, one newcomer; the median, the least, the most\n",
              options.members, options.mib);
  print("followed: it fetches while the members compute", followed);
  print("levelled: the members' sync brings it the state", levelled);
  const double fetch = followed.fetched.median();
  std::printf("a member's share of the fetch: %.1f ms\n", fetch / options.members);
  return 0;
}
