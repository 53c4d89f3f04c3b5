#include "scenario/random_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "support/scenario_trace.h"

namespace atoll_core::scenario {

using membership::ConnectionId;
namespace peer_output = membership::peer_output;

namespace {

constexpr uint64_t kSyncTag = 9;
constexpr size_t kLinesKept = 400;

membership::CoordinatorConfig coordinator_config(std::mt19937_64& random) {
  membership::CoordinatorConfig config;
  config.run = "random";
  config.min_replicas = 1 + static_cast<uint32_t>(random() % 2);
  return config;
}

}  // namespace

RandomRun::RandomRun(uint64_t seed)
    : random_(seed),
      slots_(2 + seed % 4),
      shards_(seed % 3 == 0 ? 2 : 1),
      world_(coordinator_config(random_), {1, static_cast<uint32_t>(seed)}) {
  world_.on_trace([this](const std::string& line) { note(line); });
  world_.on_output([this](const std::string& name, const membership::PeerOutput& output) {
    watch(name, output);
  });
  for (size_t slot = 0; slot < slots_; ++slot) start_slot(slot);
}

void RandomRun::note(std::string line) {
  lines_.push_back(fmt::format("{:6} {}", to_ms(world_.now().time_since_epoch()), line));
  if (lines_.size() > kLinesKept) lines_.pop_front();
}

// All shards of a replica that are not there.
void RandomRun::start_slot(size_t slot) {
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    const std::string place = fmt::format("r{}s{}", slot, shard);
    const bool there = std::any_of(
        applications_.begin(), applications_.end(),
        [&place](const auto& entry) { return entry.first.compare(0, place.size(), place) == 0; });
    if (there) continue;
    membership::PeerConfig config;
    config.self.name = fmt::format("{}.{}", place, ++lives_);
    config.self.session = {random_() | 1, random_()};
    config.self.replica = fmt::format("r{}", slot);
    config.self.shard = shard;
    config.self.shard_count = shards_;
    const std::string name = config.self.name;
    applications_[name] = {};
    world_.add_peer(name, std::move(config)).machine().start(world_.now());
    note("start " + name);
  }
  world_.pump();
}

void RandomRun::watch(const std::string& name, const membership::PeerOutput& output) {
  Application& application = applications_.at(name);
  ScenarioPeer& peer = *world_.find(name);
  if (const auto* connected = std::get_if<peer_output::Connected>(&output)) {
    if (application.self != connected->self) application.links.clear();
    application.self = connected->self;
  } else if (const auto* roster = std::get_if<peer_output::RosterChanged>(&output)) {
    std::set<PeerId> present;
    for (const auto& entry : roster->roster.peers) {
      present.insert(entry.peer.id);
      if (!application.links.insert(entry.peer.id).second) continue;
      peer.machine().send(wire::LinkReport{entry.peer.id, wire::LinkState::kUp, ""});
    }
    application.links = present;
  } else if (const auto* change = std::get_if<peer_output::ViewChanged>(&output)) {
    checker_.saw_view(change->view);
    if (application.generation != change->view.generation) {
      application.generation = change->view.generation;
      application.calls = 0;
      application.next_sequence.clear();
    }
  } else if (const auto* heard = std::get_if<peer_output::VerdictHeard>(&output)) {
    const bool sync = heard->verdict.op.tag == kSyncTag;
    checker_.saw_verdict(application.self, heard->verdict, sync);
    if (heard->verdict.final) application.syncs.erase(heard->verdict.op);
  } else if (const auto* thaw = std::get_if<peer_output::Thaw>(&output)) {
    if (thaw->op) return;
    application.plans.clear();
    for (const auto& [op, model] : peer.open()) {
      checker_.began(application.self, op, model.epoch);
    }
    for (const OpId& op : application.syncs) ask_for_sync(name, op);
  } else if (const auto* plan = std::get_if<peer_output::SyncPlanned>(&output)) {
    application.plans[plan->plan.op] = plan->plan;
  } else if (const auto* probe = std::get_if<peer_output::ProbePeer>(&output)) {
    bool alive = false;
    for (const auto& [other, machine] : world_.peers()) {
      alive = alive || machine->machine().self().session == probe->peer.session;
    }
    peer.machine().send(wire::ProbeResult{
        probe->peer.id, probe->peer.session,
        alive ? wire::ProbeOutcome::kAlive : wire::ProbeOutcome::kDead, "random"});
  } else if (std::holds_alternative<peer_output::UpdateFinished>(output)) {
    if (!application.updating) checker_.broken(name + ": an update ends that nobody asked for");
    application.updating = false;
    ++application.updates;
  } else if (const auto* failed = std::get_if<peer_output::UpdateFailed>(&output)) {
    checker_.broken(name + ": " + failed->error.message);
  }
}

void RandomRun::ask_for_sync(const std::string& name, const OpId& op) {
  ScenarioPeer& peer = *world_.find(name);
  wire::StateSummary state;
  state.revision = 1 + op.sequence;
  state.digest = {7, chance(80) ? 7u : 8u};
  peer.machine().send(wire::SyncRequest{op, peer.machine().view()->epoch, state});
}

void RandomRun::call_next(const std::string& name, Application& application) {
  ScenarioPeer& peer = *world_.find(name);
  membership::PeerMachine& machine = peer.machine();
  const bool pending = machine.standing() == membership::PeerMachine::Standing::kPending;
  if (application.updating || (!pending && !machine.view())) return;
  if (pending || application.calls % 5 == 4) {
    std::vector<wire::CallPosition> positions;
    for (const auto& [tag, next] : application.next_sequence) {
      positions.push_back({tag == kSyncTag ? kGroupAll : machine.self().shard, tag, next});
    }
    application.updating = true;
    ++application.calls;
    if (!machine.request_update(world_.now(), std::move(positions))) {
      checker_.broken(name + ": an update is refused");
    }
    return;
  }
  const size_t step = application.calls;
  const uint64_t tag = step % 7 == 3 ? kSyncTag : step % 2;
  const OpId op{application.generation, tag == kSyncTag ? kGroupAll : machine.self().shard, tag,
                application.next_sequence[tag]};
  if (peer.open().size() + application.syncs.size() >= 2) return;
  ++application.calls;
  ++application.next_sequence[tag];
  if (peer.ended().count(op) != 0) return;  // its verdict was there before the call
  if (tag == kSyncTag) {
    application.syncs.insert(op);
    return ask_for_sync(name, op);
  }
  wire::CallDescription call;
  call.count = 100 + step;
  call.retry = step % 3 != 0;
  peer.begin(op, call);
  checker_.began(application.self, op, peer.open().at(op).epoch);
}

// One of the open calls of a peer gets on.
void RandomRun::get_on(const std::string& name, Application& application) {
  ScenarioPeer& peer = *world_.find(name);
  if (!application.plans.empty()) {
    const auto plan = application.plans.extract(application.plans.begin()).mapped();
    return peer.machine().send(wire::SyncDone{plan.op, plan.epoch});
  }
  std::vector<OpId> open;
  for (const auto& [op, model] : peer.open()) open.push_back(op);
  if (open.empty()) return;
  const OpId op = open[draw(open.size())];
  const ModelOp& model = peer.open().at(op);
  if (!calm_ && chance(3)) {
    peer.machine().send(wire::AbortRequest{op, model.epoch, model.call, ErrorCode::kCancelled,
                                           "cancelled at random"});
    return;
  }
  if (model.phase != wire::OpPhase::kBegun || peer.frozen(op)) return;
  if (!checker_.all_began(op, model.epoch)) {
    return peer.machine().send(wire::OpWaiting{op, model.epoch, model.call,
                                               checker_.not_begun(op, model.epoch), 1000});
  }
  checker_.finished(application.self, op, model.epoch);
  peer.done(op);
}

void RandomRun::step_of_applications() {
  for (auto& [name, application] : applications_) {
    const ScenarioPeer* peer = world_.find(name);
    if (peer == nullptr || peer->failure() || !chance(calm_ ? 90 : 40)) continue;
    if (chance(50)) {
      call_next(name, application);
    } else {
      get_on(name, application);
    }
  }
  world_.pump();
}

bool RandomRun::deliver_one(bool any_order) {
  std::vector<std::pair<ConnectionId, bool>> choices;
  for (const auto& [connection, pipe] : world_.pipes()) {
    if (!pipe.up.empty()) choices.emplace_back(connection, true);
    if (!pipe.down.empty()) choices.emplace_back(connection, false);
  }
  if (choices.empty()) return false;
  const auto [connection, up] = choices[any_order ? draw(choices.size()) : 0];
  return up ? world_.deliver_up(connection) : world_.deliver_down(connection);
}

void RandomRun::answer_dials(bool all_succeed) {
  for (const auto& [name, application] : applications_) {
    if (!world_.dialling(name) || (!all_succeed && chance(50))) continue;
    world_.answer_dial(name, all_succeed || chance(85), "no route today");
  }
}

// Both ends lose some of what was underway; an end may not notice at all.
void RandomRun::break_connection(const std::string& name) {
  const auto connection = world_.connection(name);
  if (!connection) return;
  note("break the connection of " + name);
  Pipe& pipe = world_.pipes().at(*connection);
  pipe.up.resize(pipe.up.empty() ? 0 : draw(pipe.up.size() + 1));
  pipe.down.resize(pipe.down.empty() ? 0 : draw(pipe.down.size() + 1));
  const uint64_t who_notices = draw(6);
  pipe.silent = true;
  if (who_notices != 0) pipe.up.push_back(Broken{"broken at random"});
  if (who_notices != 1) pipe.down.push_back(Broken{"broken at random"});
}

void RandomRun::fault() {
  if (applications_.empty()) return;
  auto victim = applications_.begin();
  std::advance(victim, static_cast<std::ptrdiff_t>(draw(applications_.size())));
  const std::string name = victim->first;
  if (chance(60)) return break_connection(name);
  note("kill " + name);
  applications_.erase(name);
  world_.kill(name);
}

void RandomRun::bury_failed() {
  std::vector<std::string> failed;
  for (const auto& [name, peer] : world_.peers()) {
    if (!peer->failure()) continue;
    const ErrorCode code = peer->failure()->code;
    const bool legitimate = code == ErrorCode::kEvicted || code == ErrorCode::kDuplicatePeer ||
                            code == ErrorCode::kCoordinatorUnreachable;
    if (!legitimate || (calm_ && code == ErrorCode::kInternalError)) {
      checker_.broken(name + " failed: " + peer->failure()->message);
    }
    failed.push_back(name);
  }
  for (const std::string& name : failed) {
    note("bury " + name);
    applications_.erase(name);
    world_.remove(name);
  }
}

void RandomRun::refill() {
  for (size_t slot = 0; slot < slots_; ++slot) start_slot(slot);
}

void RandomRun::step_of_network() {
  if (!deliver_one(true) || chance(20)) {
    world_.advance_to(world_.now() + std::chrono::milliseconds(1 + draw(calm_ ? 100 : 300)));
  }
}

void RandomRun::chaos(int events) {
  // Some runs break all the time, others get far enough to have much to lose.
  const int steps = 6 + static_cast<int>(draw(20));
  const int fault_percent = 2 + static_cast<int>(draw(8));
  for (int event = 0; event < events; ++event) {
    for (int step = 0; step < steps; ++step) step_of_network();
    step_of_applications();
    answer_dials(false);
    bury_failed();
    if (chance(fault_percent)) fault();
    if (chance(10)) refill();
  }
}

void RandomRun::calm(Duration duration) {
  calm_ = true;
  refill();
  for (auto& [name, application] : applications_) {
    application.updates_in_chaos = application.updates;
  }
  const TimePoint end = world_.now() + duration;
  while (world_.now() < end) {
    while (deliver_one(false)) {
    }
    step_of_applications();
    answer_dials(true);
    bury_failed();
    if (chance(30)) refill();
    world_.advance_to(world_.now() + std::chrono::milliseconds(20));
  }
}

std::vector<std::string> RandomRun::stuck() const {
  std::vector<std::string> result;
  for (const auto& [name, application] : applications_) {
    if (application.updates < application.updates_in_chaos + 3) {
      result.push_back(fmt::format("{} has got only from update {} to {}", name,
                                   application.updates_in_chaos, application.updates));
    }
  }
  return result;
}

}  // namespace atoll_core::scenario
