#include "tools/atoll/stress/round.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "tools/atoll/stress/report.h"

namespace atoll_cli {
namespace {

constexpr size_t kBatchCounts[] = {1, 777, 50'000};
constexpr size_t kSmallCounts[] = {1, 3, 64, 1'000, 2, 4'096, 17, 255};
constexpr uint64_t kSmallTags = 4;
constexpr size_t kBroadcastCount = 10'000;
constexpr size_t kBlockCount = 40'000;
constexpr size_t kPassOnCount = 3'000;
constexpr uint64_t kPassOnTag = 9;
constexpr uint64_t kFreshTags = 100;

// First places of the calls in a round; some take one per tensor or call.
constexpr uint64_t kBatch = 10;
constexpr uint64_t kInPlace = 20;
constexpr uint64_t kOutOfPlace = 30;
constexpr uint64_t kSmall = 40;
constexpr uint64_t kBroadcast = 60;
constexpr uint64_t kReduceScatter = 61;
constexpr uint64_t kAllGather = 62;
constexpr uint64_t kPassOn = 63;
constexpr uint64_t kAllToAll = 64;
constexpr uint64_t kSteps = 100;
constexpr uint64_t kPlacesOfStep = 1 + std::size(kSmallCounts);

}  // namespace

StressRound::StressRound(atollComm_t comm, StressState& state, StressWatchdog& dog,
                         const StressWorkerOptions& options)
    : comm_(comm),
      state_(state),
      dog_(dog),
      options_(options),
      contributor_ids_(kStressPeersMax),
      floats_(options.tensor_bytes / sizeof(float)),
      input_(options.tensor_bytes / sizeof(int64_t)),
      output_(options.tensor_bytes / sizeof(int64_t)),
      small_(std::size(kSmallCounts)) {
  for (size_t i = 0; i < std::size(kBatchCounts); ++i) tensors_[i].resize(kBatchCounts[i]);
  for (size_t i = 0; i < small_.size(); ++i) {
    small_[i].values.resize(kSmallCounts[i]);
    small_[i].contributors.resize(kStressPeersMax);
  }
}

atollResult_t StressRound::run(bool corrupt) {
  facts_ = RoundFacts{};
  if (const auto result = update(); result != atollSuccess) return result;
  if (const auto result = sync(); result != atollSuccess) return result;
  if (const auto result = agree_on_salt(); result != atollSuccess) return result;
  if (const auto result = batch(); result != atollSuccess) return result;
  if (const auto result = large_in_place(kInPlace, corrupt); result != atollSuccess) return result;
  if (const auto result = large_out_of_place(); result != atollSuccess) return result;
  if (const auto result = small_ones(kSmall, 1); result != atollSuccess) return result;
  if (const auto result = broadcast(); result != atollSuccess) return result;
  if (const auto result = reduce_scatter(); result != atollSuccess) return result;
  if (const auto result = all_gather(); result != atollSuccess) return result;
  if (const auto result = all_to_all(); result != atollSuccess) return result;
  return pass_on();
}

// A failed step ends the round on all members, like any failed call.
atollResult_t StressRound::run_steps(uint32_t steps) {
  using Clock = std::chrono::steady_clock;
  facts_ = RoundFacts{};
  if (const auto result = update(); result != atollSuccess) return result;
  if (const auto result = sync(); result != atollSuccess) return result;
  if (const auto result = agree_on_salt(); result != atollSuccess) return result;
  for (uint64_t step = 0; step < steps; ++step) {
    const auto begun = Clock::now();
    const uint64_t place = kSteps + step * kPlacesOfStep;
    const uint64_t tag = kFreshTags + (facts_.salt * steps + step) * kSmallTags;
    if (const auto result = large_in_place(place, false); result != atollSuccess) return result;
    if (const auto result = small_ones(place + 1, tag); result != atollSuccess) return result;
    facts_.step_ms.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
  }
  return atollSuccess;
}

// ---- what all calls have in common -------------------------------------------------------------

Milliseconds StressRound::call_limit() const {
  return options_.deadline + kOutcomeGrace + kHangMargin;
}

atollOpOptions_t StressRound::op_options(uint64_t tag) const {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.tag = tag;
  options.deadline_ms = static_cast<uint32_t>(options_.deadline.count());
  return options;
}

atollOpInfo_t StressRound::op_info() {
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  info.contributor_ids = contributor_ids_.data();
  info.contributor_capacity = static_cast<uint32_t>(contributor_ids_.size());
  return info;
}

atollResult_t StressRound::keep_sentence(atollResult_t result) {
  if (result != atollSuccess) sentence_ = atollGetLastError();
  return result;
}

// Each once, all of them members, this peer among them.
std::vector<uint64_t> StressRound::contributors_of(const char* call, const atollOpInfo_t& info) {
  facts_.retries += info.attempts - std::min(info.attempts, 1u);
  const size_t count = std::min<size_t>(info.contributors, info.contributor_capacity);
  std::vector<uint64_t> ids(info.contributor_ids, info.contributor_ids + count);
  std::vector<uint64_t> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  const bool distinct = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  const bool known = std::all_of(ids.begin(), ids.end(), [this](uint64_t id) {
    return std::count(facts_.members.begin(), facts_.members.end(), id) == 1;
  });
  const bool with_self = std::count(ids.begin(), ids.end(), facts_.self) == 1;
  if (!distinct || !known || !with_self) {
    report("wrong " + std::string(call) + ": the " + std::to_string(count) + " contributors are " +
           (!distinct ? "not distinct" : !known ? "not all members" : "without this peer"));
  }
  return ids;
}

template <class T>
void StressRound::check_sum(const char* call, const std::vector<T>& values,
                            const std::vector<uint64_t>& contributors, const CallKey& key) {
  const std::span<const T> all(values);
  if (const auto at = first_wrong_sum<T>(all, contributors, key)) {
    std::string who;
    for (const uint64_t id : contributors) who += " " + std::to_string(id);
    report("wrong " + std::string(call) + ": element " + std::to_string(*at) + " of " +
           std::to_string(values.size()) + " is " + std::to_string(values[*at]) +
           ", which is not the sum of peers" + who);
  }
  facts_.results = hash_of(all, facts_.results);
}

// After an error the input is as it was.
template <class T>
void StressRound::check_intact(const char* call, const std::vector<T>& values,
                               const CallKey& key) {
  const uint64_t self[] = {facts_.self};
  if (const auto at = first_wrong_sum<T>(std::span<const T>(values), self, key)) {
    report("wrong " + std::string(call) + ": element " + std::to_string(*at) +
           " of the input has changed (" + sentence_ + ")");
  }
}

// ---- the calls ---------------------------------------------------------------------------------

// One that has waited in vain goes on in the background and has to be called again.
atollResult_t StressRound::update() {
  const StressWatchdog::Watch watch(dog_, "update", call_limit());
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  const atollResult_t result = keep_sentence(atollUpdate(comm_, &view));
  if (result != atollSuccess) return result;
  facts_.self = view.peer;
  for (uint32_t rank = 0; rank < view.world; ++rank) {
    uint64_t peer = 0;
    if (atollGetPeerAt(comm_, rank, &peer) == atollSuccess) facts_.members.push_back(peer);
  }
  return atollSuccess;
}

atollResult_t StressRound::sync() {
  uint64_t before = state_.revision();
  atollSyncOptions_t options = ATOLL_SYNC_OPTIONS_INITIALIZER;
  options.deadline_ms = static_cast<uint32_t>(options_.deadline.count());
  atollSyncInfo_t info = ATOLL_SYNC_INFO_INITIALIZER;
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "state sync", call_limit());
    result = keep_sentence(atollSyncState(comm_, state_.handle(), &options, &info));
  }
  if (result != atollSuccess && before == 0) {
    state_.start_over();
    before = state_.revision();
  }
  const std::string problem = state_.problem(result == atollSuccess ? info.revision : before);
  if (!problem.empty()) report("wrong state sync (" + std::to_string(result) + "): " + problem);
  if (result != atollSuccess) return result;
  facts_.retries += info.attempts - std::min(info.attempts, 1u);
  const uint64_t numbers[] = {info.revision, state_.hash(), info.digest_high, info.digest_low,
                              facts_.members.size()};
  std::string line = "sync";
  for (const uint64_t number : numbers) line += " " + std::to_string(number);
  report(line);
  return atollSuccess;
}

// What the members contribute from here on depends on a number that no other round has had.
atollResult_t StressRound::agree_on_salt() {
  const StressWatchdog::Watch watch(dog_, "all-reduce of the salt", call_limit());
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  const uint64_t mine = next_salt_;
  const atollResult_t result = keep_sentence(
      atollAllReduce(&mine, &facts_.salt, 1, atollUint64, atollMax, comm_, &options, &info));
  if (result != atollSuccess) return result;
  contributors_of("all-reduce of the salt", info);
  if (facts_.salt < mine) {
    report("wrong all-reduce of the salt: the greatest is " + std::to_string(facts_.salt) +
           ", this peer gave " + std::to_string(mine));
  }
  next_salt_ = std::max(facts_.salt, mine) + 1;
  facts_.results = mix(facts_.salt);
  return atollSuccess;
}

atollResult_t StressRound::batch() {
  std::vector<atollTensor_t> batch;
  for (size_t i = 0; i < std::size(kBatchCounts); ++i) {
    fill<float>(tensors_[i], facts_.self, key(kBatch + i));
    batch.push_back({tensors_[i].data(), tensors_[i].data(), tensors_[i].size()});
  }
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "batched all-reduce", call_limit());
    result = keep_sentence(atollAllReduceBatch(batch.data(), static_cast<uint32_t>(batch.size()),
                                               atollFloat32, atollSum, comm_, &options, &info));
  }
  for (size_t i = 0; i < std::size(kBatchCounts) && result != atollSuccess; ++i) {
    check_intact("batched all-reduce", tensors_[i], key(kBatch + i));
  }
  if (result != atollSuccess) return result;
  const std::vector<uint64_t> from = contributors_of("batched all-reduce", info);
  for (size_t i = 0; i < std::size(kBatchCounts); ++i) {
    check_sum("batched all-reduce", tensors_[i], from, key(kBatch + i));
  }
  return atollSuccess;
}

atollResult_t StressRound::large_in_place(uint64_t place, bool corrupt) {
  fill<float>(floats_, facts_.self, key(place));
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "large all-reduce in place", call_limit());
    result = keep_sentence(atollAllReduce(floats_.data(), floats_.data(), floats_.size(),
                                          atollFloat32, atollSum, comm_, &options, &info));
  }
  if (corrupt) floats_[floats_.size() / 2] += 1;
  if (result == atollSuccess) {
    check_sum("large all-reduce in place", floats_,
              contributors_of("large all-reduce in place", info), key(place));
  } else {
    check_intact("large all-reduce in place", floats_, key(place));
  }
  return result;
}

atollResult_t StressRound::large_out_of_place() {
  fill<int64_t>(input_, facts_.self, key(kOutOfPlace));
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "large all-reduce out of place", call_limit());
    result = keep_sentence(atollAllReduce(input_.data(), output_.data(), input_.size(), atollInt64,
                                          atollSum, comm_, &options, &info));
  }
  check_intact("large all-reduce out of place", input_, key(kOutOfPlace));
  if (result != atollSuccess) return result;
  check_sum("large all-reduce out of place", output_,
            contributors_of("large all-reduce out of place", info), key(kOutOfPlace));
  return atollSuccess;
}

// All are waited for, also when one of them has failed: their buffers are the library's until then.
atollResult_t StressRound::small_ones(uint64_t first_place, uint64_t first_tag) {
  for (size_t i = 0; i < small_.size(); ++i) {
    SmallCall& call = small_[i];
    call.key = key(first_place + i);
    fill<int32_t>(call.values, facts_.self, call.key);
    call.info = ATOLL_OP_INFO_INITIALIZER;
    call.info.contributor_ids = call.contributors.data();
    call.info.contributor_capacity = static_cast<uint32_t>(call.contributors.size());
    const atollOpOptions_t options = op_options(first_tag + i % kSmallTags);
    call.request = nullptr;
    call.result = keep_sentence(atollAllReduceAsync(call.values.data(), call.values.data(),
                                                    call.values.size(), atollInt32, atollSum, comm_,
                                                    &options, &call.request));
  }
  atollResult_t first = atollSuccess;
  for (SmallCall& call : small_) {
    if (call.request != nullptr) {
      const StressWatchdog::Watch watch(dog_, "small all-reduce", call_limit());
      call.result = keep_sentence(atollWait(call.request, &call.info));
    }
    if (call.result == atollSuccess) {
      check_sum("small all-reduce", call.values, contributors_of("small all-reduce", call.info),
                call.key);
    } else {
      check_intact("small all-reduce", call.values, call.key);
    }
    // A peer that is out has to connect again, whatever the other calls gave.
    const bool worse = call.result != atollSuccess && (first == atollSuccess || call.result >= 300);
    if (worse) first = call.result;
  }
  return first;
}

atollResult_t StressRound::broadcast() {
  const uint64_t root = facts_.members[facts_.salt % facts_.members.size()];
  const std::span<int64_t> input(input_.data(), std::min(kBroadcastCount, input_.size()));
  fill<int64_t>(input, root, key(kBroadcast));
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "broadcast", call_limit());
    const bool is_root = root == facts_.self;
    result = keep_sentence(atollBroadcast(is_root ? input.data() : nullptr, output_.data(),
                                          input.size(), atollInt64, root, comm_, &options, &info));
  }
  if (result != atollSuccess) return result;
  facts_.retries += info.attempts - std::min(info.attempts, 1u);
  if (!std::equal(input.begin(), input.end(), output_.begin())) {
    report("wrong broadcast: not what peer " + std::to_string(root) + " has sent");
  }
  facts_.results = hash_of(std::span<const int64_t>(output_.data(), input.size()), facts_.results);
  return atollSuccess;
}

uint64_t StressRound::block_elements() const {
  return std::min<uint64_t>(kBlockCount, input_.size() / facts_.members.size());
}

size_t StressRound::own_rank() const {
  const auto self = std::find(facts_.members.begin(), facts_.members.end(), facts_.self);
  return static_cast<size_t>(self - facts_.members.begin());
}

atollResult_t StressRound::reduce_scatter() {
  const uint64_t block = block_elements();
  const std::span<int64_t> input(input_.data(), block * facts_.members.size());
  fill<int64_t>(input, facts_.self, key(kReduceScatter));
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "reduce-scatter", call_limit());
    result = keep_sentence(atollReduceScatter(input.data(), output_.data(), block, atollInt64,
                                              atollSum, comm_, &options, &info));
  }
  if (result != atollSuccess) return result;
  const std::vector<uint64_t> from = contributors_of("reduce-scatter", info);
  const std::span<const int64_t> own(output_.data(), block);
  if (first_wrong_sum<int64_t>(own, from, key(kReduceScatter), own_rank() * block)) {
    report("wrong reduce-scatter: not the sum of " + std::to_string(from.size()) + " peers");
  }
  return atollSuccess;
}

// Blocks of those that are no contributors are zeros.
atollResult_t StressRound::all_gather() {
  const uint64_t block = block_elements();
  const std::span<int64_t> own(input_.data(), block);
  fill<int64_t>(own, facts_.self, key(kAllGather));
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "all-gather", call_limit());
    result = keep_sentence(atollAllGather(own.data(), output_.data(), block, atollInt64, comm_,
                                          &options, &info));
  }
  if (result != atollSuccess) return result;
  const std::vector<uint64_t> from = contributors_of("all-gather", info);
  for (size_t rank = 0; rank < facts_.members.size(); ++rank) {
    const uint64_t owner = facts_.members[rank];
    const bool there = std::count(from.begin(), from.end(), owner) == 1;
    const std::span<const int64_t> part(output_.data() + rank * block, block);
    const std::vector<uint64_t> brought = there ? std::vector{owner} : std::vector<uint64_t>();
    if (!first_wrong_sum<int64_t>(part, brought, key(kAllGather))) continue;
    report("wrong all-gather: the block of peer " + std::to_string(owner) +
           (there ? " is not what it has sent" : ", which is not in it, is not zeros"));
  }
  facts_.results = hash_of(std::span<const int64_t>(output_.data(), block * facts_.members.size()),
                           facts_.results);
  return atollSuccess;
}

// Of each length up to a block's, none at all among them.
uint64_t StressRound::crossing_elements(uint64_t from, uint64_t to) const {
  return (facts_.salt + 7 * from + 3 * to) % 5 * block_elements() / 5;
}

// Blocks of those that are no contributors are zeros.
atollResult_t StressRound::all_to_all() {
  std::vector<uint64_t> sent;
  std::vector<uint64_t> received;
  for (const uint64_t member : facts_.members) {
    sent.push_back(crossing_elements(facts_.self, member));
    received.push_back(crossing_elements(member, facts_.self));
  }
  // What goes to each is the beginning of the same.
  uint64_t at = 0;
  for (const uint64_t count : sent) {
    fill<int64_t>(std::span<int64_t>(input_.data() + at, count), facts_.self, key(kAllToAll));
    at += count;
  }
  const atollOpOptions_t options = op_options();
  atollOpInfo_t info = op_info();
  atollResult_t result = atollSuccess;
  {
    const StressWatchdog::Watch watch(dog_, "all-to-all", call_limit());
    result = keep_sentence(atollAllToAllV(input_.data(), output_.data(), sent.data(),
                                          received.data(), static_cast<uint32_t>(sent.size()),
                                          atollInt64, comm_, &options, &info));
  }
  if (result != atollSuccess) return result;
  const std::vector<uint64_t> from = contributors_of("all-to-all", info);
  const int64_t* block = output_.data();
  for (size_t rank = 0; rank < facts_.members.size(); block += received[rank++]) {
    const uint64_t sender = facts_.members[rank];
    const bool there = std::count(from.begin(), from.end(), sender) == 1;
    const std::vector<uint64_t> brought = there ? std::vector{sender} : std::vector<uint64_t>();
    const std::span<const int64_t> part(block, received[rank]);
    if (!first_wrong_sum<int64_t>(part, brought, key(kAllToAll))) continue;
    report("wrong all-to-all: the block of peer " + std::to_string(sender) +
           (there ? " is not what it has sent" : ", which is not in it, is not zeros"));
  }
  return atollSuccess;
}

// To the next rank. Whether it has come is a matter of two: others' rounds go on.
atollResult_t StressRound::pass_on() {
  const size_t world = facts_.members.size();
  if (world < 2) return atollSuccess;
  const uint64_t next = facts_.members[(own_rank() + 1) % world];
  const uint64_t previous = facts_.members[(own_rank() + world - 1) % world];
  const size_t count = std::min(kPassOnCount, input_.size());
  fill<int64_t>(std::span<int64_t>(input_.data(), count), facts_.self, key(kPassOn));
  const atollOpOptions_t options = op_options(kPassOnTag);
  const StressWatchdog::Watch watch(dog_, "send", call_limit());
  atollRequest_t sending = nullptr;
  atollResult_t sent = keep_sentence(atollSendAsync(input_.data(), count, atollInt64, next, comm_,
                                                    &options, &sending));
  const atollResult_t received = keep_sentence(
      atollRecv(output_.data(), count, atollInt64, previous, comm_, &options, nullptr));
  if (sending != nullptr) sent = keep_sentence(atollWait(sending, nullptr));
  const std::span<const int64_t> got(output_.data(), count);
  if (received == atollSuccess &&
      first_wrong_sum<int64_t>(got, std::span<const uint64_t>(&previous, 1), key(kPassOn))) {
    report("wrong receive: not what peer " + std::to_string(previous) + " has sent");
  }
  const atollResult_t worse = std::max(sent, received);
  return worse == atollPeerLost ? atollSuccess : worse;
}

}  // namespace atoll_cli
