#include "tools/atoll/bench/case.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "tools/atoll/bench/values.h"

namespace atoll_cli {
namespace {

// Not a number in every element: what a call leaves as it was is found.
constexpr int kPoison = 0xff;

// What a call took says nothing when somebody died in it. Empty when nobody did.
std::string disturbance(const atollOpInfo_t& info, const BenchCollective& collective,
                        uint32_t peers) {
  const uint32_t world = collective.contributors(peers);
  if (info.contributors == world && info.attempts == 1) return "";
  return "a call had " + std::to_string(info.contributors) + " contributors, not " +
         std::to_string(world) + ", in " + std::to_string(info.attempts) +
         " attempts: a peer was lost, and what the call took says nothing";
}

atollOpOptions_t op_options(const BenchOptions& options, uint64_t tag) {
  atollOpOptions_t op = ATOLL_OP_OPTIONS_INITIALIZER;
  op.tag = tag;
  op.input_disposable = options.input_disposable ? 1 : 0;
  if (options.keep_segments) op.flags |= ATOLL_KEEP_COMPLETED_SEGMENTS;
  if (const auto problem = find_bench_algorithm(options.algorithm, op.algorithm);
      !problem.empty()) {
    throw std::runtime_error(problem);
  }
  return op;
}

// Parts of the call's elements, not in the order in which they lie in memory.
std::vector<atollTensor_t> batch_of(const BenchCall& call, uint64_t tensors) {
  std::vector<atollTensor_t> batch;
  for (uint64_t i = 0; i < tensors; ++i) {
    const uint64_t part = i % 2 == 0 ? i / 2 : tensors - 1 - i / 2;
    const uint64_t begin = call.count * part / tensors;
    const uint64_t end = call.count * (part + 1) / tensors;
    batch.push_back({call.send + begin, call.receive + begin, end - begin});
  }
  return batch;
}

}  // namespace

void require_success(atollResult_t result, const char* what) {
  if (result == atollSuccess) return;
  const std::string sentence = atollGetLastError();
  throw std::runtime_error(std::string(what) + " failed: " +
                           (sentence.empty() ? atollGetErrorString(result) : sentence));
}

BenchCase::BenchCase(const BenchOptions& options, const BenchSelf& self, uint64_t bytes,
                     bool in_place)
    : options_(options), self_(self), count_(bytes / sizeof(float)), in_place_(in_place) {
  const BenchCollective& collective = *options.collective;
  const bool blocks = collective.data == BenchCollective::Data::kBlocks;
  part_.rank = self.rank;
  part_.world = self.world;
  part_.count = count_;
  part_.block = blocks ? count_ / self.world : count_;
  collective.divide(part_);
  for (uint32_t slot = 0; slot < options.in_flight; ++slot) {
    inputs_.emplace_back(count_);
    outputs_.emplace_back(count_);
    fill_bench_values(inputs_.back().data(), count_, self.rank, slot);
    BenchCall call;
    call.comm = self.comm;
    call.root = self.root;
    call.next = self.next;
    call.previous = self.previous;
    call.receive = outputs_.back().data() + part_.receive_begin;
    call.send = (in_place ? outputs_.back().data() : inputs_.back().data()) + part_.send_begin;
    call.count = part_.block;
    call.options = op_options(options, slot);
    if (options.tensors > 1) call.tensors = batch_of(call, options.tensors);
    calls_.push_back(call);
  }
}

BenchCaseFacts BenchCase::run(const BenchPace& pace) {
  BenchCaseFacts facts;
  for (unsigned i = 0; i < options_.warmup + options_.iterations; ++i) {
    const bool timed = i >= options_.warmup;
    if (i == options_.warmup) cpu_.begin();
    cpu_.pause();
    prepare();
    const double begin = pace.start();
    cpu_.resume();
    call();
    const double end = monotonic_seconds();
    cpu_.pause();
    pace.wait_for_all();
    if (timed) facts.seconds.push_back(end - begin);
    check(facts, timed);
    pace.progress(i + 1);
    cpu_.resume();
  }
  facts.cpu_seconds = cpu_.seconds();
  return facts;
}

void BenchCase::prepare() {
  for (size_t slot = 0; slot < calls_.size(); ++slot) {
    float* output = outputs_[slot].data();
    if (in_place_) {
      std::memcpy(output, inputs_[slot].data(), count_ * sizeof(float));
    } else {
      std::memset(output, kPoison, count_ * sizeof(float));
    }
  }
}

void BenchCase::call() {
  if (calls_.size() > 1) return call_together();
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  require_success(options_.collective->run(calls_.front(), &info), options_.collective->name);
  if (!options_.collective->has_data()) return;
  if (const auto problem = disturbance(info, *options_.collective, self_.world); !problem.empty()) {
    throw std::runtime_error(problem);
  }
}

void BenchCase::call_together() {
  std::vector<atollRequest_t> requests;
  std::string problem;
  for (const BenchCall& call : calls_) {
    atollRequest_t request = nullptr;
    if (options_.collective->begin(call, &request) != atollSuccess) {
      problem = atollGetLastError();
      break;
    }
    requests.push_back(request);
  }
  for (const atollRequest_t request : requests) {  // all of them: the buffers are theirs until then
    if (!problem.empty()) atollCancel(request);
    atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
    const atollResult_t result = atollWait(request, &info);
    if (!problem.empty()) continue;
    problem = result == atollSuccess
                  ? disturbance(info, *options_.collective, self_.world)
                  : atollGetLastError();
  }
  if (problem.empty()) return;
  throw std::runtime_error(std::string(options_.collective->name) + " failed: " + problem);
}

// Every element is compared once; after that a result with the same bits is as right.
void BenchCase::check(BenchCaseFacts& facts, bool timed) {
  if (options_.fault == "corrupt-result" && self_.rank + 1 == self_.world && result_count() > 0) {
    outputs_.front().data()[part_.receive_begin] += 1;
  }
  uint64_t hash = 0;
  for (size_t slot = 0; slot < outputs_.size(); ++slot) {
    hash = bench_hash(result(slot), result_count(), hash);
  }
  if (timed) facts.hashes.push_back(options_.collective->one_result ? hash : 0);
  if (options_.collective->count_wrong == nullptr) return;
  if (verified_ && hash == verified_hash_) return;
  uint64_t wrong = 0;
  for (uint32_t slot = 0; slot < outputs_.size(); ++slot) {
    wrong += options_.collective->count_wrong(result(slot), part_, slot);
  }
  facts.wrong += wrong;
  verified_ = wrong == 0;
  verified_hash_ = hash;
}

}  // namespace atoll_cli
