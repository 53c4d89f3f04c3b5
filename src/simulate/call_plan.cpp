#include "simulate/call_plan.h"

#include <algorithm>
#include <iterator>

#include "simulate/call_record.h"

namespace atoll_core::simulate {
namespace {

constexpr uint64_t kSmallCountMax = 1500;
constexpr uint64_t kCallsMax = 5;

void make_large(Random& random, PlannedCall& call) {
  constexpr DataType kTypes[] = {DataType::kFloat64, DataType::kInt64, DataType::kFloat32};
  call.kind = wire::OpKind::kAllReduce;
  call.type = kTypes[random.below(3)];
  const bool average = call.reduce == ReduceOp::kAvg;
  if (average && call.type == DataType::kInt64) call.reduce = ReduceOp::kSum;
  if (!takes(call.reduce, call.type)) call.reduce = ReduceOp::kMin;
  const uint64_t least = kSmallBytesMax / size_of(call.type);
  call.counts = {least / 2 + 1, least / 2 + random.below(5000)};
}

// Half of them as the library chooses.
uint32_t algorithm_of(const PlannedCall& call) {
  const uint64_t dice = call.salt / 8 % 8;
  const bool free = call.kind != wire::OpKind::kAllReduce || call.options.keep;
  return free || dice < 4 ? 0 : static_cast<uint32_t>(dice - 3);
}

// Some all-reduces are calls of the other kinds instead.
void change_kind(PlannedCall& call) {
  constexpr wire::OpKind kOthers[] = {wire::OpKind::kReduceScatter, wire::OpKind::kAllGather,
                                      wire::OpKind::kReduce,        wire::OpKind::kGather,
                                      wire::OpKind::kScatter,       wire::OpKind::kSend};
  if (call.kind != wire::OpKind::kAllReduce || call.salt / 64 % 3 != 0) return;
  call.kind = kOthers[call.salt / 256 % std::size(kOthers)];
  if (call.salt / 4096 % 4 == 0) call.kind = wire::OpKind::kAllToAll;
  // What each has for each: of a large call that would be too much.
  constexpr uint64_t kBlockMost = 20'000;
  if (call.kind == wire::OpKind::kAllToAll) {
    for (uint64_t& count : call.counts) count = std::min(count, kBlockMost);
  }
  const bool uneven = call.salt / 16384 % 2 == 0;
  if (has_blocks(call) && !uneven) call.counts.resize(1);
}

// Small calls of two tags, which fill the cap of kept results where that is low.
PositionPlan crossed_calls(Random& random) {
  PositionPlan plan;
  plan.crossed = true;
  const uint64_t each = random.between(4, 24);
  PlannedCall call;
  call.kind = random.one_in(2) ? wire::OpKind::kAllGather : wire::OpKind::kAllReduce;
  call.counts = {random.between(1, kSmallCountMax)};
  call.options.group = random.one_in(2) ? engine::CallGroup::kAll : engine::CallGroup::kShardAlone;
  for (uint64_t i = 0; i < 2 * each; ++i) {
    call.options.tag = i < each ? 0 : 1;
    call.salt = random.bits();
    plan.calls.push_back(call);
  }
  return plan;
}

engine::CallOptions random_options(Random& random) {
  engine::CallOptions options;
  options.tag = random.below(3);
  options.group = static_cast<engine::CallGroup>(random.below(4));
  options.retry = !random.one_in(4);
  if (random.one_in(10)) options.deadline = std::chrono::milliseconds(random.between(5, 400));
  else if (random.one_in(10)) options.deadline = std::chrono::milliseconds(random.between(2, 8000));
  return options;
}

}  // namespace

PositionPlan plan_position(uint64_t seed, const Generation& generation, uint64_t position) {
  const uint64_t name = Random::mix(generation.first.number * 1'000'003 +
                                    generation.first.incarnation.counter) + position;
  Random crossing(Random::mix(seed ^ 0xC405) + Random::mix(name));
  if (seed % 4 == 0 && crossing.one_in(8)) return crossed_calls(crossing);
  Random random(Random::mix(seed ^ 0x5EED) + Random::mix(name));
  PositionPlan plan;
  const uint64_t dice = random.below(8);
  if (dice == 0) plan.what = PositionPlan::What::kUpdate;
  if (dice == 1) plan.what = PositionPlan::What::kSync;
  if (dice <= 1) return plan;
  plan.update_in_flight = dice == 2;
  plan.root = random.below(64);
  const uint64_t count = random.one_in(2) ? 1 : random.between(2, kCallsMax);
  for (uint64_t i = 0; i < count; ++i) {
    PlannedCall call = random_call(random, {PeerId{1}}, kSmallCountMax);
    const bool keep = call.options.keep;
    call.options = random_options(random);
    call.options.keep = keep;
    call.options.algorithm = algorithm_of(call);
    if (random.one_in(12)) make_large(random, call);
    change_kind(call);
    if (call.kind != wire::OpKind::kAllReduce) call.options.algorithm = 0;
    plan.calls.push_back(call);
  }
  return plan;
}

std::vector<PeerId> group_of(const std::vector<wire::PeerInfo>& members, const wire::PeerInfo& self,
                             engine::CallGroup group) {
  const bool of_shard = group == engine::CallGroup::kShard ||
                        group == engine::CallGroup::kShardAlone;
  std::vector<PeerId> peers;
  for (const wire::PeerInfo& member : members) {
    const bool in = group == engine::CallGroup::kAll ||
                    (of_shard && member.shard == self.shard) ||
                    (group == engine::CallGroup::kReplica && member.replica == self.replica);
    if (in) peers.push_back(member.id);
  }
  return peers;
}

PeerId choose_root(const std::vector<wire::PeerInfo>& members, const wire::PeerInfo& self,
                   engine::CallGroup group, uint64_t root) {
  const std::vector<PeerId> eligible = group_of(members, self, group);
  return eligible.empty() ? PeerId{1} : eligible[root % eligible.size()];
}

}  // namespace atoll_core::simulate
