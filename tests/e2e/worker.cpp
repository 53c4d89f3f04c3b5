// A trainer for end-to-end tests: it does what a trainer does and checks every result by value.
//
//   worker --coordinator A --name N --stop-file F [--kill POINT:NTH] [--elements E]
//          [--coordinator-timeout-ms T] [--leave-after STEPS] [--reconnect 1]
//
// Each step: update, sync of a state whose revision counts the steps, a large all-reduce (in place
// on odd steps), an average with weights (a large one on even steps), a batch, a broadcast and a
// small all-reduce that also tells whether somebody wants to stop. What each peer contributes
// follows from its id and the step, so that every peer can compute what the reported contributors
// must have produced. All values are small integers: sums are exact in any order.
//
// --kill: dies by SIGKILL when the library passes the trace point for the NTH time.
// --leave-after: leaves after so many steps of its own and prints "left".
// --reconnect: connects again whenever it is out of the run, instead of giving up.
// Prints "step N with W peers" after each step, and "failed ... RESULT ..." when it gives up.
// When the stop file exists all peers stop after the same step and print "done STEP DIGEST".
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "atoll/atoll.h"

namespace {

struct Options {
  std::string coordinator;
  std::string name = "worker";
  std::string stop_file;
  std::string kill_point;
  int kill_nth = 0;
  uint64_t elements = 200000;
  uint32_t coordinator_timeout_ms = 5000;
  uint64_t leave_after = 0;  // 0: never
  bool reconnect = false;
};

// The communicator is out of the run, and may come back.
struct OutOfTheRun {};

std::atomic<int> passed{0};

void on_trace(void* user, const char* point) {
  const Options& options = *static_cast<const Options*>(user);
  if (options.kill_point != point) return;
  if (++passed == options.kill_nth) {
    std::fprintf(stderr, "dying at %s for the %dth time\n", point, options.kill_nth);
    ::kill(::getpid(), SIGKILL);
    ::pause();  // nothing more happens on this thread
  }
}

[[noreturn]] void give_up(const Options& options, const char* what, uint64_t step,
                          atollResult_t result = atollSuccess) {
  if (options.reconnect && result / 100 == 3) throw OutOfTheRun{};
  std::printf("failed %s step %" PRIu64 ": %d from %s: %s\n", options.name.c_str(), step, result,
              what, atollGetLastError());
  std::fflush(stdout);
  std::_Exit(1);
}

#define CHECK_OK(call)                                                             \
  do {                                                                             \
    const atollResult_t checked = (call);                                          \
    if (checked != atollSuccess) give_up(options, #call, step, checked);           \
  } while (false)

uint32_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  x ^= x >> 33;
  return static_cast<uint32_t>(x);
}

// Peer `id`'s contribution to element i: an integer in [-4095, 4096].
float value_of(uint64_t id, uint64_t step, uint64_t i) {
  return static_cast<float>(static_cast<int>(mix(id * 0x9e3779b9ULL + step * 0x85ebca6bULL + i) &
                                             8191) -
                            4095);
}

// Of peer `id` in an average: 0 to 3.
double weight_of(uint64_t id, uint64_t step) { return mix(id * 31 + step) % 4; }

struct Contributors {
  std::vector<uint64_t> ids = std::vector<uint64_t>(64);
  std::vector<double> weights = std::vector<double>(64);
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;

  Contributors() {
    info.contributor_ids = ids.data();
    info.contributor_capacity = static_cast<uint32_t>(ids.size());
    info.contributor_weights = weights.data();
  }
  bool weights_are_right(uint64_t step) const {
    for (uint32_t k = 0; k < info.contributors; ++k) {
      if (weights[k] != weight_of(ids[k], step)) return false;
    }
    return info.total_weight == weight(step);
  }
  float average(uint64_t step, uint64_t i) const {
    double total = 0;
    for (uint32_t k = 0; k < info.contributors; ++k) {
      total += weight_of(ids[k], step) * static_cast<double>(value_of(ids[k], step, i));
    }
    return static_cast<float>(total == 0 ? 0 : total / weight(step));
  }
  double weight(uint64_t step) const {
    double total = 0;
    for (uint32_t k = 0; k < info.contributors; ++k) total += weight_of(ids[k], step);
    return total;
  }
  float sum(uint64_t step, uint64_t i) const {
    float total = 0;
    for (uint32_t k = 0; k < info.contributors; ++k) total += value_of(ids[k], step, i);
    return total;
  }
};

class Worker {
 public:
  explicit Worker(const Options& given)
      : options(given),
        state_(options.elements),
        input_(options.elements),
        result_(options.elements) {
    const auto own = static_cast<uint64_t>(::getpid());  // the first sync makes all equal
    for (uint64_t i = 0; i < state_.size(); ++i) state_[i] = value_of(own, 7, i);
  }

  int run() {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = options.coordinator.c_str();
    config.name = options.name.c_str();
    config.connections = 2;
    config.arrival_timeout_ms = 60000;
    config.coordinator_timeout_ms = options.coordinator_timeout_ms;
    config.trace = on_trace;
    config.trace_user = const_cast<Options*>(&options);
    CHECK_OK(atollCommCreate(&comm_, &config));
    CHECK_OK(atollCommConnect(comm_));
    CHECK_OK(atollStateCreate(&handle_));
    CHECK_OK(atollStateAddTensor(handle_, "state", state_.data(), atollFloat32, state_.size()));
    while (one_step_or_back_again()) {
    }
    CHECK_OK(atollCommLeave(comm_));
    if (leaves()) {
      std::printf("left\n");
    } else {
      std::printf("done %" PRIu64 " %016" PRIx64 "%016" PRIx64 "\n", step, sync_.digest_high,
                  sync_.digest_low);
    }
    CHECK_OK(atollStateDestroy(handle_));
    CHECK_OK(atollCommDestroy(comm_));
    return 0;
  }

 private:
  bool leaves() const { return options.leave_after != 0 && steps_here_ == options.leave_after; }

  bool one_step_or_back_again() {
    try {
      return one_step();
    } catch (const OutOfTheRun&) {
      std::printf("out of the run: %s\n", atollGetLastError());
      std::fflush(stdout);
    }
    steps_here_ = 0;
    while (atollCommConnect(comm_) == atollCoordinatorUnreachable) {
    }
    return true;
  }

  bool one_step() {
    CHECK_OK(atollUpdate(comm_, &view_));
    sync_ = ATOLL_SYNC_INFO_INITIALIZER;
    CHECK_OK(atollSyncState(comm_, handle_, nullptr, &sync_));
    if (steps_here_ > 0 && sync_.bytes_received != 0) {
      give_up(options, "a member received state although it was level", step);
    }
    step = sync_.revision;
    if (steps_here_ == 0) {
      std::printf("member at step %" PRIu64 "\n", step);
      std::fflush(stdout);
    }
    large_all_reduce();
    weighted_average();
    batch();
    broadcast();
    const bool go_on = !somebody_wants_to_stop();
    CHECK_OK(atollStateBeginWrite(handle_));
    for (uint64_t i = 0; i < state_.size(); ++i) {
      state_[i] = std::fmod(state_[i] * 3 + result_[i], 65521.0f);
    }
    CHECK_OK(atollStatePublish(handle_, step + 1));
    ++steps_here_;
    std::printf("step %" PRIu64 " with %u peers\n", step, view_.world);
    std::fflush(stdout);
    if (leaves()) return false;
    if (go_on) return true;
    CHECK_OK(atollSyncState(comm_, handle_, nullptr, &sync_));
    if (sync_.bytes_received != 0) give_up(options, "the final states differ", step);
    return false;
  }

  void large_all_reduce() {
    for (uint64_t i = 0; i < input_.size(); ++i) input_[i] = value_of(view_.peer, step, i);
    const bool in_place = step % 2 == 1;
    Contributors contributors;
    if (in_place) result_ = input_;
    CHECK_OK(atollAllReduce(in_place ? result_.data() : input_.data(), result_.data(),
                            result_.size(), atollFloat32, atollSum, comm_, nullptr,
                            &contributors.info));
    for (uint64_t i = 0; i < result_.size(); ++i) {
      if (result_[i] != contributors.sum(step, i)) give_up(options, "a wrong sum", step);
      if (input_[i] != value_of(view_.peer, step, i)) give_up(options, "a changed input", step);
    }
  }

  void weighted_average() {
    const size_t count = step % 2 == 0 ? 300000 : 1000;  // large: more than 1 MiB
    const bool in_place = step % 4 < 2;
    std::vector<float> values(count);
    std::vector<float> means(count);
    for (size_t i = 0; i < count; ++i) values[i] = value_of(view_.peer, step + 9, i);
    if (in_place) means = values;
    Contributors contributors;
    atollOpOptions_t with = ATOLL_OP_OPTIONS_INITIALIZER;
    with.weight = weight_of(view_.peer, step + 9);
    CHECK_OK(atollAllReduce(in_place ? means.data() : values.data(), means.data(), count,
                            atollFloat32, atollAvg, comm_, &with, &contributors.info));
    if (!contributors.weights_are_right(step + 9)) give_up(options, "a wrong weight", step);
    for (size_t i = 0; i < count; ++i) {
      if (means[i] != contributors.average(step + 9, i)) {
        give_up(options, "a wrong average", step);
      }
    }
  }

  void batch() {
    std::vector<std::vector<float>> parts(5);
    std::vector<atollTensor_t> tensors;
    for (size_t k = 0; k < parts.size(); ++k) {
      parts[k].resize(k * 1000);
      for (size_t i = 0; i < parts[k].size(); ++i) parts[k][i] = value_of(view_.peer, step + k, i);
      tensors.push_back({parts[k].data(), parts[k].data(), parts[k].size()});
    }
    Contributors contributors;
    atollOpOptions_t with = ATOLL_OP_OPTIONS_INITIALIZER;
    with.tag = 3;
    CHECK_OK(atollAllReduceBatch(tensors.data(), static_cast<uint32_t>(tensors.size()),
                                 atollFloat32, atollSum, comm_, &with, &contributors.info));
    for (size_t k = 0; k < parts.size(); ++k) {
      for (size_t i = 0; i < parts[k].size(); ++i) {
        if (parts[k][i] != contributors.sum(step + k, i)) {
          give_up(options, "a wrong sum in a batch", step);
        }
      }
    }
  }

  void broadcast() {
    uint64_t root = 0;
    CHECK_OK(atollGetPeerAt(comm_, 0, &root));
    std::vector<float> values(5000);
    for (size_t i = 0; i < values.size(); ++i) values[i] = value_of(view_.peer, step, i);
    const atollResult_t result = atollBroadcast(values.data(), values.data(), values.size(),
                                                atollFloat32, root, comm_, nullptr, nullptr);
    if (result == atollRootLost) return;  // agreed: all go on with the next call
    CHECK_OK(result);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] != value_of(root, step, i)) give_up(options, "a wrong broadcast", step);
    }
  }

  bool somebody_wants_to_stop() {
    int32_t stop = ::access(options.stop_file.c_str(), F_OK) == 0 ? 1 : 0;
    CHECK_OK(atollAllReduce(&stop, &stop, 1, atollInt32, atollMax, comm_, nullptr, nullptr));
    return stop != 0;
  }

  const Options& options;
  uint64_t step = 0;
  uint64_t steps_here_ = 0;
  std::vector<float> state_;
  std::vector<float> input_;
  std::vector<float> result_;
  atollComm_t comm_ = nullptr;
  atollState_t handle_ = nullptr;
  atollView_t view_ = ATOLL_VIEW_INITIALIZER;
  atollSyncInfo_t sync_ = ATOLL_SYNC_INFO_INITIALIZER;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const std::string value = argv[i + 1];
    if (key == "--coordinator") options.coordinator = value;
    if (key == "--name") options.name = value;
    if (key == "--stop-file") options.stop_file = value;
    if (key == "--elements") options.elements = std::strtoull(value.c_str(), nullptr, 10);
    if (key == "--coordinator-timeout-ms") {
      options.coordinator_timeout_ms =
          static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    }
    if (key == "--leave-after") options.leave_after = std::strtoull(value.c_str(), nullptr, 10);
    if (key == "--reconnect") options.reconnect = value != "0";
    if (key == "--kill") {
      const size_t colon = value.find(':');
      options.kill_point = value.substr(0, colon);
      options.kill_nth = std::atoi(value.c_str() + colon + 1);
    }
  }
  return Worker(options).run();
}
