#include "scenario/script.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "membership/common/reconnect_times.h"
#include "support/scenario_trace.h"

namespace atoll_core::scenario {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string rest(const Words& words, size_t from) {
  std::string text;
  for (size_t index = from; index < words.size(); ++index) {
    if (!text.empty()) text += " ";
    text += words[index];
  }
  return text;
}

std::optional<std::string> option(const Words& words, const std::string& key) {
  for (const std::string& word : words) {
    if (word.compare(0, key.size() + 1, key + "=") == 0) return word.substr(key.size() + 1);
  }
  return std::nullopt;
}

uint64_t number(const Words& words, const std::string& key, uint64_t otherwise) {
  const auto value = option(words, key);
  return value ? std::stoull(*value) : otherwise;
}

bool is_heartbeat(const std::string& line) {
  return line.find("-> heartbeat") != std::string::npos ||
         line.find("<- heartbeat") != std::string::npos;
}

ErrorCode code_of(const std::string& name) {
  if (name == "cancelled") return ErrorCode::kCancelled;
  if (name == "timeout") return ErrorCode::kTimeout;
  if (name == "mismatch") return ErrorCode::kMismatch;
  throw std::invalid_argument("no such code: " + name);
}

wire::SyncStrategy strategy_of(const std::string& name) {
  if (name == "popular") return wire::SyncStrategy::kPopular;
  if (name == "send") return wire::SyncStrategy::kSendOnly;
  if (name == "receive") return wire::SyncStrategy::kReceiveOnly;
  throw std::invalid_argument("no such strategy: " + name);
}

}  // namespace

std::string Script::run(const std::string& text) {
  Script script;
  std::istringstream stream(text);
  std::string result;
  bool in_trace = false;
  for (std::string line; std::getline(stream, line);) {
    if (line == "----") {
      result += line + "\n";
      for (const std::string& made : script.trace_) result += made + "\n";
      script.trace_.clear();
      in_trace = true;
    } else if (line.empty()) {
      result += "\n";
      in_trace = false;
    } else if (!in_trace) {
      result += line + "\n";
      if (line[0] != '#') script.command(line);
    }
  }
  return result;
}

const std::map<std::string, Script::Handler>& Script::handlers() {
  static const std::map<std::string, Handler> table = {
      {"coordinator", &Script::coordinator}, {"restart", &Script::restart},
      {"connect", &Script::connect},
      {"link", &Script::link},               {"unlink", &Script::unlink},
      {"update", &Script::update},           {"cancel-update", &Script::cancel_update},
      {"begin", &Script::begin},             {"done", &Script::done},
      {"wait", &Script::wait},               {"abort", &Script::abort},
      {"sync", &Script::sync},               {"synced", &Script::synced},
      {"by-hand", &Script::by_hand},         {"report", &Script::report},
      {"probe", &Script::probe},             {"hold", &Script::hold},
      {"release", &Script::release},         {"drop", &Script::drop},
      {"dial", &Script::dial},               {"kill", &Script::kill},
      {"freeze", &Script::freeze},           {"mute", &Script::mute},
      {"leave", &Script::leave},             {"garbage", &Script::garbage},
      {"visitor", &Script::visitor},
      {"tick", &Script::tick},               {"status", &Script::status},
  };
  return table;
}

void Script::command(const std::string& line) {
  const Words words = split(line);
  const auto handler = handlers().find(words.at(0));
  if (handler == handlers().end()) throw std::invalid_argument("no such command: " + line);
  trace_.push_back("> " + line);
  (this->*handler->second)(words);
  if (!world_) return;
  world_->pump();
  deliver();
}

ScenarioWorld& Script::world() {
  if (world_) return *world_;
  membership::CoordinatorConfig config;
  config.run = "run";
  config.min_replicas = min_replicas_;
  world_ = std::make_unique<ScenarioWorld>(config, Incarnation{1, 42});
  world_->on_trace([this](const std::string& line) {
    if (!is_heartbeat(line)) trace_.push_back(line);
  });
  return *world_;
}

void Script::deliver() {
  bool more = true;
  while (more) {
    more = false;
    for (auto& [connection, pipe] : world_->pipes()) {
      while (world_->deliver_up(connection)) more = true;
      while (held_.count(pipe.peer) == 0 && world_->deliver_down(connection)) more = true;
    }
  }
}

ScenarioPeer& Script::peer(const std::string& name) {
  ScenarioPeer* found = world().find(name);
  if (found == nullptr) throw std::invalid_argument("no such peer: " + name);
  return *found;
}

OpId Script::op_of(const std::string& name, const std::string& text) {
  const size_t mark = text.find('#');
  const auto& machine = peer(name).machine();
  OpId op{machine.view()->generation, machine.self().shard, std::stoull(text.substr(0, mark)),
          std::stoull(text.substr(mark + 1))};
  // An op of an older generation keeps its name.
  for (const auto& [open, model] : peer(name).open()) {
    if (open.tag == op.tag && open.sequence == op.sequence) op = open;
  }
  return op;
}

void Script::coordinator(const Words& words) {
  min_replicas_ = static_cast<uint32_t>(number(words, "min_replicas", 1));
}

// Knows the incarnation of its last life, or nothing; "new-run": nobody can be in a run.
void Script::restart(const Words& words) {
  membership::CoordinatorConfig config;
  config.run = "run";
  config.min_replicas = min_replicas_;
  config.start.no_former_run = words.back() == "new-run";
  if (!config.start.no_former_run) config.start.delay = membership::kFormerMembersMayCome;
  const auto counter = static_cast<uint32_t>(number(words, "incarnation", 1));
  world().restart_coordinator(config, {counter, 43});
}

void Script::connect(const Words& words) {
  const std::string& name = words.at(1);
  membership::PeerConfig config;
  config.run = option(words, "run").value_or("run");
  config.self.name = name;
  config.self.session = {1, ++sessions_};
  config.self.replica = option(words, "replica").value_or("r-" + name);
  config.self.shard = static_cast<uint32_t>(number(words, "shard", 0));
  config.self.shard_count = static_cast<uint32_t>(number(words, "shards", 1));
  world().add_peer(name, config).machine().start(world().now());
  world().pump();
  if (option(words, "dial") != "no") world().answer_dial(name, true, "");
}

void Script::link(const Words& words) {
  std::vector<std::string> names(words.begin() + 1, words.end());
  if (names == std::vector<std::string>{"all"}) {
    names.clear();
    for (const auto& [name, machine] : world().peers()) names.push_back(name);
  }
  for (const std::string& one : names) {
    for (const std::string& other : names) {
      if (one == other) continue;
      peer(one).machine().send(
          wire::LinkReport{peer(other).machine().self().id, wire::LinkState::kUp, ""});
    }
  }
}

void Script::unlink(const Words& words) {
  const auto state = words.at(3) == "refused" ? wire::LinkState::kRefused
                                              : wire::LinkState::kUnreachable;
  PeerId about;
  for (const auto& entry : world().coordinator().status().peers) {
    if (entry.info.name == words.at(2)) about = entry.info.id;
  }
  peer(words.at(1)).machine().send(wire::LinkReport{about, state, words.at(3)});
}

void Script::update(const Words& words) {
  std::vector<wire::CallPosition> positions;
  for (size_t index = 2; index < words.size(); ++index) {
    const size_t mark = words[index].find(':');
    positions.push_back({peer(words.at(1)).machine().self().shard,
                         std::stoull(words[index].substr(0, mark)),
                         std::stoull(words[index].substr(mark + 1))});
  }
  const auto asked = peer(words.at(1)).machine().request_update(world().now(), positions);
  if (!asked) trace_.push_back("  error: " + asked.error().message);
}

void Script::cancel_update(const Words& words) { peer(words.at(1)).machine().cancel_update(); }

void Script::begin(const Words& words) {
  wire::CallDescription call;
  call.count = number(words, "count", 10);
  call.retry = option(words, "retry") != "no";
  if (const auto root = option(words, "root")) {
    call.kind = wire::OpKind::kBroadcast;
    call.root = peer(*root).machine().self().id;
  }
  peer(words.at(1)).begin(op_of(words.at(1), words.at(2)), call);
}

void Script::done(const Words& words) {
  peer(words.at(1)).done(op_of(words.at(1), words.at(2)));
}

void Script::wait(const Words& words) {
  const OpId op = op_of(words.at(1), words.at(2));
  const ModelOp& model = peer(words.at(1)).open().at(op);
  wire::OpWaiting message{op, model.epoch, model.call, {}, 12000};
  for (size_t index = 3; index < words.size(); ++index) {
    message.missing.push_back(peer(words[index]).machine().self().id);
  }
  peer(words.at(1)).machine().send(std::move(message));
}

void Script::abort(const Words& words) {
  const OpId op = op_of(words.at(1), words.at(2));
  wire::AbortRequest request{op, peer(words.at(1)).machine().view()->epoch, {},
                             code_of(words.at(3)), rest(words, 4)};
  const auto open = peer(words.at(1)).open().find(op);
  if (open != peer(words.at(1)).open().end()) request.call = open->second.call;
  peer(words.at(1)).machine().send(std::move(request));
}

void Script::sync(const Words& words) {
  wire::StateSummary state;
  state.revision = number(words, "revision", 1);
  state.digest = {0, number(words, "digest", 1)};
  state.strategy = strategy_of(option(words, "strategy").value_or("popular"));
  state.tensors.push_back({"weights", DataType::kFloat32, number(words, "table", 100),
                           state.digest});
  const Epoch epoch = peer(words.at(1)).machine().view()->epoch;
  peer(words.at(1)).machine().send(
      wire::SyncRequest{op_of(words.at(1), words.at(2)), epoch, std::move(state)});
}

void Script::synced(const Words& words) {
  const Epoch epoch = peer(words.at(1)).machine().view()->epoch;
  peer(words.at(1)).machine().send(wire::SyncDone{op_of(words.at(1), words.at(2)), epoch});
}

void Script::by_hand(const Words& words) { peer(words.at(1)).report_by_hand(true); }

void Script::report(const Words& words) { peer(words.at(1)).report(); }

void Script::probe(const Words& words) {
  wire::ProbeResult result;
  for (const auto& entry : world().coordinator().status().peers) {
    if (entry.info.name != words.at(2)) continue;
    result.peer = entry.info.id;
    result.session = entry.info.session;
  }
  result.outcome = words.at(3) == "dead"    ? wire::ProbeOutcome::kDead
                   : words.at(3) == "alive" ? wire::ProbeOutcome::kAlive
                                            : wire::ProbeOutcome::kSilent;
  result.reason = "probed";
  peer(words.at(1)).machine().send(std::move(result));
}

void Script::hold(const Words& words) { held_.insert(words.at(1)); }

void Script::release(const Words& words) { held_.erase(words.at(1)); }

void Script::drop(const Words& words) {
  const auto connection = world().connection(words.at(1));
  if (!connection) throw std::invalid_argument(words.at(1) + " has no connection");
  Pipe& pipe = world().pipes().at(*connection);
  pipe.down.clear();
  pipe.up.push_back(Broken{"connection reset"});
  pipe.down.push_back(Broken{"connection reset"});
  held_.erase(words.at(1));
}

void Script::dial(const Words& words) {
  if (!world().dialling(words.at(1))) throw std::invalid_argument(words.at(1) + " does not dial");
  world().answer_dial(words.at(1), words.at(2) == "yes", "connection refused");
}

void Script::kill(const Words& words) { world().kill(words.at(1)); }

void Script::freeze(const Words& words) {
  mute(words);
  world().remove(words.at(1));
}

void Script::mute(const Words& words) {
  Pipe& pipe = world().pipes().at(world().connection(words.at(1)).value());
  pipe.silent = true;
}

void Script::leave(const Words& words) {
  peer(words.at(1)).machine().leave(world().now(), rest(words, 2));
}

void Script::garbage(const Words& words) {
  world().coordinator().on_garbage(world().now(), world().connection(words.at(1)).value(),
                                   {ErrorCode::kInvalidArgument, "not a control message"});
}

void Script::visitor(const Words& words) {
  const auto connection = world().open_raw(words.at(1));
  const std::string what = words.size() > 2 ? words[2] : "";
  if (what == "heartbeat") world().send_raw(connection, wire::PeerHeartbeat{1});
  if (what == "garbage") {
    world().coordinator().on_garbage(world().now(), connection,
                                     {ErrorCode::kInvalidArgument, "not a control message"});
  }
  if (what != "version") return;
  wire::Register hello;
  hello.version_min = 8;
  hello.version_max = 9;
  hello.peer.name = words.at(1);
  hello.peer.session = {2, 2};
  hello.peer.replica = "r-" + words.at(1);
  world().send_raw(connection, std::move(hello));
}

void Script::tick(const Words& words) {
  const TimePoint end = world().now() + std::chrono::milliseconds(std::stoll(words.at(1)));
  while (world().now() < end) {
    world().advance_to(std::min(end, std::max(world().next_deadline(), world().now())));
    deliver();
  }
}

void Script::status(const Words&) {
  const membership::CoordinatorStatus status = world().coordinator().status();
  std::string peers;
  for (const auto& entry : status.peers) peers += " " + entry.info.name + ":" + entry.standing;
  trace_.push_back(fmt::format(
      "  epoch {} generation {}{}; {} commits, {} aborts, {} settle rounds, {} admissions, "
      "{} evictions{}",
      to_string(status.epoch), to_string(status.generation), peers, status.commits, status.aborts,
      status.settle_rounds, status.admissions, status.evictions,
      status.left > 0 ? fmt::format(", {} left", status.left) : ""));
}

}  // namespace atoll_core::scenario
