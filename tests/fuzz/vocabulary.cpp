#include "fuzz/vocabulary.h"

#include "base/limits.h"

namespace atoll_core::fuzz {

wire::CallDescription Vocabulary::call() {
  wire::CallDescription call;
  const uint8_t choice = choices_.byte();
  call.kind = static_cast<wire::OpKind>(choice % (static_cast<size_t>(wire::kLastOpKind) + 1));
  call.count = choice < 0x80 ? 4 : choices_.number() >> 8;
  call.root = truth_.peers.front().id;
  if (choice < 0xC0) return call;
  call.type = static_cast<DataType>(choices_.below(kDataTypeCount));
  call.reduce = static_cast<ReduceOp>(choices_.below(kReduceOpCount));
  call.tensors = static_cast<uint32_t>(choices_.below(3));
  call.layout = digest();
  call.algorithm = static_cast<uint32_t>(choices_.below(5));
  call.root = peer();
  call.retry = choices_.coin();
  call.keep = choices_.coin();
  return call;
}

wire::OpReport Vocabulary::op_report() {
  wire::OpReport report;
  report.op = op();
  report.epoch = epoch();
  report.phase = choices_.any_up_to(wire::OpPhase::kAborted);
  report.call = call();
  report.holds_result = choices_.coin();
  report.contributors = some_peers();
  if (report.phase == wire::OpPhase::kAborted) report.code = error_code();
  report.reason = sentence();
  report.stable_below = choices_.below(5);
  report.kept_below = std::min<uint64_t>(report.stable_below, choices_.below(5));
  report.complete_below = report.stable_below + choices_.below(3);
  return report;
}

wire::Verdict Vocabulary::verdict() {
  wire::Verdict verdict;
  verdict.op = op();
  verdict.epoch = epoch();
  verdict.committed = choices_.coin();
  verdict.final = !choices_.rarely();
  if (!verdict.committed) verdict.code = error_code();
  verdict.reason = sentence();
  verdict.contributors = some_peers();
  verdict.holders = some_peers();
  verdict.kept_below = choices_.number() >> 8;
  return verdict;
}

wire::RunMemory Vocabulary::memory() {
  wire::RunMemory memory;
  if (choices_.coin()) return memory;
  memory.instance = instance();
  memory.history = history();
  memory.held = some<wire::HeldRevision>(2, [this] {
    return wire::HeldRevision{tag(), choices_.number(), choices_.number()};
  });
  memory.life = incarnation();
  return memory;
}

std::vector<wire::TensorSummary> Vocabulary::tensors() {
  constexpr std::array kNames = {"weights", "bias", "step"};
  return some<wire::TensorSummary>(2, [&] {
    wire::TensorSummary tensor;
    tensor.name = kNames[choices_.below(kNames.size())];
    tensor.count = choices_.rarely() ? choices_.number() >> 8 : 4;
    tensor.digest = digest();
    return tensor;
  });
}

wire::StateSummary Vocabulary::state() {
  wire::StateSummary state;
  state.revision = choices_.number();
  state.strategy = choices_.any_up_to(wire::SyncStrategy::kReceiveOnly);
  state.digest = digest();
  state.tensors = tensors();
  if (choices_.coin()) state.committed = committed();
  return state;
}

wire::PeerInfo Vocabulary::changed(wire::PeerInfo info) {
  switch (choices_.below(12)) {
    case 4: info.id = peer(); break;
    case 5: info.session = session(); break;
    case 6: info.replica = somebody().replica; break;
    case 7: info.shard_count = static_cast<uint32_t>(1 + choices_.below(3)); break;
    case 8: info.shard = static_cast<uint32_t>(choices_.below(3)); break;
    case 9: info.slot = static_cast<uint32_t>(choices_.below(limits::kPeers)); break;
    case 10: info.computer = choices_.number(); break;
    case 11: info.endpoints.resize(choices_.below(3), Endpoint{"10.0.0.9", 9}); break;
    default: break;
  }
  return info;
}

void Vocabulary::confuse(std::vector<wire::PeerInfo>& members) {
  const wire::PeerInfo from = members[choices_.below(members.size())];
  wire::PeerInfo& to = members[choices_.below(members.size())];
  switch (choices_.below(5)) {
    case 0: to.session = from.session; break;
    case 1: to.id = from.id; break;
    case 2: to.name = from.name; break;
    case 3: to.replica = from.replica; break;
    default: members.push_back(from); break;
  }
}

topology::Plan Vocabulary::plan(size_t members) {
  topology::Plan plan = topology::make_plan(static_cast<uint32_t>(members));
  if (members == 0 || !choices_.rarely()) return plan;
  std::rotate(plan.ring.begin(), plan.ring.begin() + 1, plan.ring.end());
  for (uint32_t& share : plan.shares) share = static_cast<uint32_t>(choices_.below(5));
  plan.hub = static_cast<uint32_t>(choices_.below(members));
  plan.pipelining.segments_in_flight = static_cast<uint32_t>(choices_.below(4));
  return plan;
}

wire::View Vocabulary::view() {
  wire::View view;
  view.instance = instance();
  view.epoch = epoch();
  view.generation = generation();
  const uint8_t choice = choices_.byte();
  const size_t kind = choice % 4;
  view.members = kind == 0 ? truth_.members : truth_.peers;
  if (view.members.empty()) view.members = truth_.peers;
  if (kind == 2) view.members.resize(1 + choices_.below(view.members.size()));
  if (kind == 3) {
    view.members.resize(1 + choices_.below(view.members.size()));
    view.members.push_back(somebody());
  }
  if (choice >= 0xE0) confuse(view.members);
  for (wire::PeerInfo& member : view.members) {
    if (!member.id) member.id = {1 + static_cast<uint64_t>(&member - view.members.data())};
    member.slot = static_cast<uint32_t>(view.slots.size());
    if (kind == 3) member = changed(member);
    view.slots.push_back(member.id);
  }
  if (choices_.rarely()) view.slots = some_peers();
  view.plan = plan(view.members.size());
  return view;
}

wire::GenerationState Vocabulary::generation_state(const wire::View& view) {
  wire::GenerationState state;
  state.generation = choices_.coin() ? view.generation : generation();
  state.attempt = choices_.coin() ? view.epoch : epoch();
  for (const wire::PeerInfo& info : view.members) {
    state.members.push_back({info.id, info.name, info.replica, info.shard, info.slot});
  }
  if (choices_.rarely()) state.members.resize(choices_.below(state.members.size() + 1));
  state.plan = plan(state.members.size());
  return state;
}

// More generations than are remembered, up to that of its view.
void Vocabulary::tell_of_many(wire::Rejoin& rejoin) {
  const uint64_t first = choices_.below(4);
  uint64_t& last = rejoin.view.generation.first.number;
  last = first + limits::kGenerations - 1;
  rejoin.view.epoch.number = std::max(rejoin.view.epoch.number, last + choices_.below(2));
  rejoin.generations.assign(limits::kGenerations, generation_state(rejoin.view));
  for (uint64_t i = 0; i < limits::kGenerations; ++i) {
    wire::GenerationState& state = rejoin.generations[i];
    state.generation = {{rejoin.view.epoch.incarnation, first + i}};
    state.attempt = {rejoin.view.epoch.incarnation, first + i};
  }
}

wire::Rejoin Vocabulary::rejoin() {
  wire::Rejoin rejoin;
  rejoin.incarnation = incarnation();
  rejoin.view = view();
  if (choices_.coin()) {
    rejoin.generations = some<wire::GenerationState>(2, [&] {
      return generation_state(rejoin.view);
    });
    std::sort(rejoin.generations.begin(), rejoin.generations.end(),
              [](const auto& a, const auto& b) { return a.generation < b.generation; });
  }
  if (choices_.rarely()) tell_of_many(rejoin);
  rejoin.updates = choices_.number();
  if (choices_.rarely()) {
    rejoin.update_code = error_code();
    rejoin.update_reason = sentence();
  }
  rejoin.gap = choices_.coin();
  return rejoin;
}

}  // namespace atoll_core::fuzz
