// One peer of a measured run: it joins, waits until all are there, and measures case after case.
// The peer of rank 0 prints and writes.
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tools/atoll/bench/case.h"
#include "tools/atoll/bench/collective.h"
#include "tools/atoll/bench/options.h"
#include "tools/atoll/bench/progress.h"
#include "tools/atoll/bench/report.h"
#include "tools/atoll/bench/start_line.h"
#include "tools/atoll/commands.h"

namespace atoll_cli {
namespace {

constexpr uint32_t kConnectTimeoutMs = 10'000;
constexpr double kPatience = 120;  // seconds until all peers have come
constexpr auto kLookEvery = std::chrono::milliseconds(20);
constexpr uint64_t kControlTag = uint64_t{1} << 32;  // beyond those of the measured calls
constexpr int kExitFault = 7;

// The file is opened before anything is measured: it is a pity to find out afterwards.
class JsonFile {
 public:
  explicit JsonFile(const std::string& path) : path_(path) {
    if (path.empty()) return;
    file_ = path == "-" ? stdout : std::fopen(path.c_str(), "w");
    if (file_ == nullptr) fail();
  }
  ~JsonFile() {
    if (file_ != nullptr && file_ != stdout) std::fclose(file_);
  }
  JsonFile(const JsonFile&) = delete;
  JsonFile& operator=(const JsonFile&) = delete;

  void write(const std::string& text) {
    if (file_ == nullptr) return;
    if (std::fputs(text.c_str(), file_) < 0 || std::fflush(file_) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw std::runtime_error("cannot write " + path_ + ": " + std::strerror(errno));
  }

  std::string path_;
  std::FILE* file_ = nullptr;
};

class BenchPeer {
 public:
  explicit BenchPeer(const BenchOptions& options) : options_(options) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = options.join.c_str();
    config.connections = options.connections;
    config.connect_timeout_ms = kConnectTimeoutMs;
    config.update_timeout_ms = static_cast<uint32_t>(kPatience * 1e3);
    if (!options.start_line.empty()) config.bind = "127.0.0.1";
    require_success(atollCommCreate(&self_.comm, &config), "the communicator");
  }
  ~BenchPeer() { atollCommDestroy(self_.comm); }
  BenchPeer(const BenchPeer&) = delete;
  BenchPeer& operator=(const BenchPeer&) = delete;

  // Returns how much was wrong.
  uint64_t run() {
    join();
    const bool first = self_.rank == 0;
    JsonFile json(first ? options_.json : "");
    if (!options_.start_line.empty()) line_.emplace(options_.start_line, options_.world);
    const bool table = first && options_.json != "-";
    if (table) print(bench_table_head(options_, line_.has_value()));
    BenchProgress progress(first);
    std::vector<BenchRow> rows;
    uint64_t wrong = 0;
    for (const auto& [bytes, in_place] : cases()) {
      rows.push_back(measure(bytes, in_place, progress));
      wrong += rows.back().wrong;
      progress.wipe();
      if (table) print(bench_table_line(options_, rows.back()));
    }
    json.write(bench_json(options_, rows, line_.has_value()));
    finish();
    return wrong;
  }

 private:
  void print(const std::string& text) {
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
      throw std::runtime_error("standard output cannot be written");
    }
  }

  // All members return from an update with the same view, so all stop at the same one.
  void join() {
    require_success(atollCommConnect(self_.comm), "to join");
    const double until = monotonic_seconds() + kPatience;
    atollView_t view = ATOLL_VIEW_INITIALIZER;
    for (;;) {
      require_success(atollUpdate(self_.comm, &view), "to meet the other peers");
      if (view.world >= options_.world) break;
      if (monotonic_seconds() > until) {
        throw std::runtime_error("only " + std::to_string(view.world) + " of " +
                                 std::to_string(options_.world) + " peers have come");
      }
      std::this_thread::sleep_for(kLookEvery);
    }
    if (view.world > options_.world) {
      throw std::runtime_error("the run has " + std::to_string(view.world) +
                               " peers, which is more than --world says");
    }
    if (options_.optimize && view.world > 1) {
      require_success(atollOptimizeTopology(self_.comm, &control_), "to measure the network");
      require_success(atollUpdate(self_.comm, &view), "to have a plan");
    }
    self_.rank = view.rank;
    self_.world = view.world;
    find(0, self_.root);
    find((self_.rank + 1) % self_.world, self_.next);
    find((self_.rank + self_.world - 1) % self_.world, self_.previous);
  }

  void find(uint32_t rank, uint64_t& peer) const {
    require_success(atollGetPeerAt(self_.comm, rank, &peer), "to find the other peers");
  }

  // What a size comes to where all peers have blocks of whole elements.
  uint64_t rounded(uint64_t bytes) const {
    if (options_.collective->data != BenchCollective::Data::kBlocks) return bytes;
    const uint64_t least = sizeof(float) * self_.world;
    return bytes / least * least;
  }

  std::vector<std::pair<uint64_t, bool>> cases() const {
    if (!options_.collective->has_data()) return {{0, false}};
    std::vector<std::pair<uint64_t, bool>> all;
    for (uint64_t bytes = options_.min_bytes; bytes <= options_.max_bytes;
         bytes *= options_.step_factor) {
      const bool in_place = options_.collective->in_place;
      if (options_.place != "in" || !in_place) all.emplace_back(rounded(bytes), false);
      if (options_.place != "out" && in_place) all.emplace_back(rounded(bytes), true);
    }
    return all;
  }

  double start() {
    if (line_) return line_->wait();
    require_success(atollBarrier(self_.comm, &control_), "a barrier");
    return monotonic_seconds();
  }

  BenchRow measure(uint64_t bytes, bool in_place, BenchProgress& progress) {
    const std::string what = std::string(options_.collective->name) + " " + describe_bytes(bytes) +
                             (in_place ? " in place: " : " out of place: ");
    const unsigned all = options_.warmup + options_.iterations;
    const auto show = [&](unsigned done) {
      progress.show(what + std::to_string(done) + " of " + std::to_string(all));
    };
    // On several computers nobody takes another's processor.
    const auto wait_for_all = [this] {
      if (line_) line_->wait_for_all();
    };
    const BenchCaseFacts facts = BenchCase(options_, self_, bytes, in_place)
                                     .run({[this] { return start(); }, wait_for_all, show});
    if (options_.fault == "exit" && self_.rank + 1 == self_.world) std::_Exit(kExitFault);
    return joined(facts, bytes, in_place);
  }

  template <class Value>
  void combine(std::vector<Value>& values, atollDataType_t type, atollRedOp_t op) {
    require_success(atollAllReduce(values.data(), values.data(), values.size(), type, op,
                                   self_.comm, &control_, nullptr),
                    "to compare the peers");
  }

  // What each has seen becomes what all have seen.
  BenchRow joined(const BenchCaseFacts& facts, uint64_t bytes, bool in_place) {
    BenchRow row;
    row.bytes = bytes;
    row.in_place = in_place;
    row.seconds = facts.seconds;
    combine(row.seconds, atollFloat64, atollMax);
    std::vector<double> cpu = {facts.cpu_seconds};
    combine(cpu, atollFloat64, atollSum);
    row.cpu_seconds = cpu.front();
    std::vector<uint64_t> wrong = {facts.wrong};
    combine(wrong, atollUint64, atollSum);
    row.wrong = wrong.front();
    std::vector<uint64_t> least = facts.hashes;
    std::vector<uint64_t> most = facts.hashes;
    combine(least, atollUint64, atollMin);
    combine(most, atollUint64, atollMax);
    uint64_t differ = 0;
    for (size_t i = 0; i < least.size(); ++i) differ += least[i] == most[i] ? 0 : 1;
    if (differ > 0 && self_.rank == 0) {
      std::fprintf(stderr, "atoll bench: in %llu iterations of %s the peers' bits differ\n",
                   static_cast<unsigned long long>(differ), describe_bytes(bytes).c_str());
    }
    row.wrong += differ;
    return row;
  }

  // Everything is measured and written: whatever goes wrong now does not matter.
  void finish() {
    atollBarrier(self_.comm, &control_);
    atollCommLeave(self_.comm);
  }

  static atollOpOptions_t control_options() {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.tag = kControlTag;
    return options;
  }

  const BenchOptions& options_;
  BenchSelf self_;
  std::optional<BenchStartLine> line_;  // none when peers are on several computers
  atollOpOptions_t control_ = control_options();
};

int complain(const std::string& sentence) {
  std::fprintf(stderr, "atoll bench: %s\n", sentence.c_str());
  return kExitFailure;
}

}  // namespace

int run_bench_peer(const BenchOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return BenchPeer(options).run() == 0 ? 0 : kExitFailure;
  } catch (const std::bad_alloc&) {
    return complain("there is not enough memory for " + std::to_string(options.in_flight) +
                    " calls of " + describe_bytes(options.max_bytes) + " on each peer");
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}

}  // namespace atoll_cli
