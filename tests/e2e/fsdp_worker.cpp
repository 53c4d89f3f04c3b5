// Shards of one model replica, as FSDP has them, each with a communicator and threads of its own:
//
//   fsdp_worker --coordinator A --replica NAME --shards 0,1 --shard-count 2 --steps N --seed S
//               [--kill POINT:NTH]
//
// Each step of each shard: update; then calls of several tags and groups at once, in an order that
// only this shard has: asynchronous ones, waited for in another order, in even steps; in odd steps
// blocking ones, each on a thread of its own. Every result is checked by value: what each peer
// contributes follows from its id.
//
// Prints "step N tag T shard H: REPLICA REPLICA" for each call of a shard's group, with those that
// have contributed; at the end "done". "evicted SHARD: SENTENCE" when the run went on without it.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "atoll/atoll.h"

namespace {

struct Options {
  std::string coordinator;
  std::string replica;
  std::string shards = "0";
  uint32_t shard_count = 2;
  uint64_t steps = 1;
  uint64_t seed = 1;
  std::string kill_point;
  int kill_nth = 0;
};

struct Place {
  uint64_t replica = 0;  // hash of its name
  uint32_t shard = 0;
  std::string name;
};

std::atomic<int> passed{0};
std::mutex output;

void on_trace(void* user, const char* point) {
  const Options& options = *static_cast<const Options*>(user);
  if (options.kill_point == point && ++passed == options.kill_nth) ::kill(::getpid(), SIGKILL);
}

uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

// What peer `id` brings: an integer, so that sums are exact in any order.
float value_of(uint64_t id, uint64_t call, uint64_t i) {
  return static_cast<float>(static_cast<int>(mix(id * 0x9e3779b9ULL + call * 0x85ebca6bULL + i) &
                                             4095) - 2047);
}

struct Call {
  atollGroup_t group = atollGroupShard;
  uint64_t tag = 0;
  uint64_t count = 0;
  uint64_t name = 0;  // of its values
  std::vector<float> values;
  std::vector<uint64_t> ids = std::vector<uint64_t>(64);
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  atollRequest_t request = nullptr;
};

class Shard {
 public:
  Shard(const Options& options, uint32_t shard)
      : options_(options),
        shard_(shard),
        name_(options.replica + "." + std::to_string(shard)),
        random_(mix(options.seed) + std::hash<std::string>()(name_)) {}

  void run() {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = options_.coordinator.c_str();
    config.name = name_.c_str();
    config.replica = options_.replica.c_str();
    config.shard = shard_;
    config.shard_count = options_.shard_count;
    config.arrival_timeout_ms = 60000;
    config.trace = &on_trace;
    config.trace_user = const_cast<Options*>(&options_);
    check("create", atollCommCreate(&comm_, &config));
    check("connect", atollCommConnect(comm_));
    for (step_ = 0; step_ < options_.steps; ++step_) {
      atollView_t view = ATOLL_VIEW_INITIALIZER;
      check("update", atollUpdate(comm_, &view));
      self_ = view.peer;
      if (step_ == 0) meet(view);
      take_step();
    }
    // A shard that left sooner would take its replica with it, whose other shards may not be done.
    atollOpOptions_t all = ATOLL_OP_OPTIONS_INITIALIZER;
    all.group = atollGroupAll;
    check("barrier", atollBarrier(comm_, &all));
    check("destroy", atollCommDestroy(comm_));
  }

 private:
  void fail(const std::string& what) const {
    const std::lock_guard<std::mutex> lock(output);
    std::printf("failed %s step %" PRIu64 ": %s: %s\n", name_.c_str(), step_, what.c_str(),
                atollGetLastError());
    std::fflush(stdout);
    std::_Exit(1);
  }
  void check(const char* what, atollResult_t result) const {
    if (result == atollSuccess) return;
    if (result == atollEvicted) {
      const std::lock_guard<std::mutex> lock(output);
      std::printf("evicted %s: %s\n", name_.c_str(), atollGetLastError());
      std::fflush(stdout);
      std::_Exit(3);
    }
    fail(what + (" gave " + std::to_string(result)));
  }

  // Who is who: each writes its replica and shard into its own place.
  void meet(const atollView_t& view) {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.group = atollGroupAll;
    std::vector<uint64_t> words(view.world * 3);
    words[view.rank * 3] = view.peer;
    words[view.rank * 3 + 1] = shard_;
    for (size_t i = 0; i < options_.replica.size() && i < 8; ++i) {
      words[view.rank * 3 + 2] |= uint64_t{static_cast<unsigned char>(options_.replica[i])}
                                  << (8 * i);
    }
    check("meeting", atollAllReduce(words.data(), words.data(), words.size(), atollUint64, atollSum,
                                    comm_, &options, nullptr));
    for (size_t i = 0; i < words.size(); i += 3) {
      Place place{words[i + 2], static_cast<uint32_t>(words[i + 1]), ""};
      for (uint64_t rest = place.replica; rest != 0; rest >>= 8) {
        place.name += static_cast<char>(rest & 255);
      }
      places_[words[i]] = place;
    }
  }

  // Small ones and large ones; one of the replica and one of all.
  std::vector<Call> plan() {
    std::vector<Call> calls;
    for (const uint64_t count : {10, 3000, 400'000, 700'000, 1'000, 300'000}) {
      Call& call = calls.emplace_back();
      call.tag = calls.size() % 4;
      if (calls.size() == 5) call.group = atollGroupReplica;
      if (calls.size() == 6) call.group = atollGroupAll;
      call.count = count;
      call.name = step_ * 100 + calls.size();
      call.values.resize(count);
      for (uint64_t i = 0; i < count; ++i) call.values[i] = value_of(self_, call.name, i);
      call.options.group = call.group;
      call.options.tag = call.tag;
      // So that the chunks by which the tests count are the same, however busy the computer is.
      if (count >= 300'000) call.options.algorithm = atollAlgorithmRing;
    }
    std::shuffle(calls.begin(), calls.end(), random_);
    for (Call& call : calls) {
      call.info.contributor_ids = call.ids.data();
      call.info.contributor_capacity = static_cast<uint32_t>(call.ids.size());
    }
    return calls;
  }

  void take_step() {
    std::vector<Call> calls = plan();
    if (step_ % 2 == 0) {
      for (Call& call : calls) {
        check("a start", atollAllReduceAsync(call.values.data(), call.values.data(), call.count,
                                             atollFloat32, atollSum, comm_, &call.options,
                                             &call.request));
      }
      std::shuffle(calls.begin(), calls.end(), random_);
      for (Call& call : calls) {
        call.info.contributor_ids = call.ids.data();
        check("a wait", atollWait(call.request, &call.info));
      }
    } else {
      std::vector<std::thread> threads;
      for (Call& call : calls) {
        threads.emplace_back([this, &call] {
          check("a call", atollAllReduce(call.values.data(), call.values.data(), call.count,
                                         atollFloat32, atollSum, comm_, &call.options, &call.info));
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    for (const Call& call : calls) check_result(call);
  }

  void check_result(const Call& call) const {
    std::ostringstream replicas;
    std::vector<std::string> names;
    for (uint32_t k = 0; k < call.info.contributors; ++k) {
      const auto found = places_.find(call.ids[k]);
      if (found == places_.end()) fail("a contributor that nobody knows");
      const Place& place = found->second;
      if (call.group == atollGroupShard && place.shard != shard_) fail("another shard contributed");
      if (call.group == atollGroupReplica && place.name != options_.replica) {
        fail("another replica contributed");
      }
      names.push_back(place.name);
    }
    for (uint64_t i = 0; i < call.count; ++i) {
      float sum = 0;
      for (uint32_t k = 0; k < call.info.contributors; ++k) {
        sum += value_of(call.ids[k], call.name, i);
      }
      if (call.values[i] != sum) fail("a wrong sum at " + std::to_string(i));
    }
    if (call.group != atollGroupShard) return;
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) replicas << ' ' << name;
    const std::lock_guard<std::mutex> lock(output);
    std::printf("step %" PRIu64 " tag %" PRIu64 " shard %u:%s\n", step_, call.tag, shard_,
                replicas.str().c_str());
    std::fflush(stdout);
  }

  const Options& options_;
  const uint32_t shard_;
  const std::string name_;
  std::mt19937_64 random_;
  atollComm_t comm_ = nullptr;
  uint64_t self_ = 0;
  uint64_t step_ = 0;
  std::map<uint64_t, Place> places_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const std::string value = argv[i + 1];
    if (key == "--coordinator") options.coordinator = value;
    if (key == "--replica") options.replica = value;
    if (key == "--shards") options.shards = value;
    if (key == "--shard-count") options.shard_count = static_cast<uint32_t>(std::stoul(value));
    if (key == "--steps") options.steps = std::stoull(value);
    if (key == "--seed") options.seed = std::stoull(value);
    if (key == "--kill") {
      options.kill_point = value.substr(0, value.find(':'));
      options.kill_nth = std::stoi(value.substr(value.find(':') + 1));
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::vector<std::thread> threads;
  std::istringstream shards(options.shards);
  for (std::string shard; std::getline(shards, shard, ',');) {
    threads.emplace_back([&options, number = static_cast<uint32_t>(std::stoul(shard))] {
      Shard(options, number).run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("done\n");
  return 0;
}
