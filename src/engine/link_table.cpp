#include "engine/link_table.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/connection_count.h"

namespace atoll_core::engine {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(50);
constexpr Duration kLongestBackoff = std::chrono::milliseconds(1000);
constexpr Duration kOrphanPatience = std::chrono::seconds(10);
constexpr size_t kOrphansMax = 256;
constexpr int kHeartbeatsPerSilence = 6;  // at least
constexpr Duration kShortestHeartbeat = std::chrono::milliseconds(5);

void add(link::LinkCounters& sum, const link::LinkCounters& part) {
  sum.payload_sent += part.payload_sent;
  sum.payload_received += part.payload_received;
  sum.frames_resent += part.frames_resent;
  sum.connections_given_up += part.connections_given_up;
}

// A terabyte a second; wire refuses more.
constexpr uint64_t kRateMax = 1'000'000'000'000;

bool differs(uint64_t rate, uint64_t told) {
  const auto [less, more] = std::minmax(rate, told);
  return more - less > less / 4;
}

FlightKind flight_kind(wire::LinkState state) {
  switch (state) {
    case wire::LinkState::kUp: return FlightKind::kLinkUp;
    case wire::LinkState::kRefused: return FlightKind::kLinkRefused;
    case wire::LinkState::kUnreachable: break;
  }
  return FlightKind::kLinkUnreachable;
}

}  // namespace

LinkTable::LinkTable(Context& context, link::LinkOwner& owner)
    : context_(context),
      owner_(owner),
      self_(context.config.membership.self),
      prober_(context) {}

LinkTable::~LinkTable() = default;

void LinkTable::set_identity(PeerId self, const std::string& run, Duration patience) {
  if (self_.id && self_.id != self) {
    // The others hold links with the one that this peer was, and drop them.
    while (!entries_.empty()) drop(entries_.begin(), "this peer has a new id");
    told_ = {};
    dials_.clear();
  }
  self_.id = self;
  run_hash_ = wire::hash_run_id(run);
  patience_ = patience;
}

uint32_t LinkTable::connections_wanted(const Entry& entry) const {
  const uint32_t asked = context_.config.connections_per_link;
  return asked == 0 ? entry.wanted : asked;
}

wire::Hello LinkTable::hello_to(const wire::PeerInfo& peer, wire::HelloRole role, size_t index,
                                size_t connections) const {
  wire::Hello hello;
  hello.role = role;
  hello.connection_index = static_cast<uint8_t>(index);
  hello.connection_count = static_cast<uint16_t>(connections);
  hello.session = self_.session;
  hello.target_session = peer.session;
  hello.peer = self_.id;
  hello.target_peer = peer.id;
  hello.run = run_hash_;
  return hello;
}

// ---- roster ------------------------------------------------------------------------------------

void LinkTable::apply_roster(const wire::Roster& roster) {
  named_.clear();
  for (const wire::Roster::Entry& listed : roster.peers) {
    if (listed.peer.id == self_.id) continue;
    named_.insert(listed.peer.id);
    // A coordinator that was started again and knew nothing gives the same ids to others.
    const auto same = entries_.find(listed.peer.id);
    if (same != entries_.end() && same->second.info.session != listed.peer.session) {
      drop(same, "another peer has its id now");
    }
    Entry& entry = entries_[listed.peer.id];
    if (entry.link == nullptr) {
      entry.info = listed.peer;
      link::LinkConfig config;
      config.buffers = &context_.buffers;
      config.peer = listed.peer.id;
      config.peer_name = listed.peer.name;
      config.host = &host_;
      config.stretch = context_.config.rate_stretch;
      entry.link = std::make_unique<link::Link>(config, owner_);
    }
    entry.dial = listed.dial;
    if (entry.dial && entry.redial_at == kNever) dial_missing(entry);
  }
  drop_unneeded();
  for (auto at = orphans_.begin(); at != orphans_.end();) {
    const auto found = entries_.find(at->second.hello.peer);
    const bool adopted = found != entries_.end() &&
                         found->second.info.session == at->second.hello.session;
    if (adopted) add_connection(found->second, at->first);
    at = adopted ? orphans_.erase(at) : std::next(at);
  }
}

void LinkTable::set_view(const wire::View& view) {
  members_.clear();
  for (const wire::PeerInfo& member : view.members) members_[member.id] = member.session;
  drop_unneeded();
}

void LinkTable::drop_unneeded() {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto next = std::next(at);
    const auto member = members_.find(at->first);
    const bool in_view = member != members_.end() && member->second == at->second.info.session;
    if (!in_view && named_.count(at->first) == 0) {
      drop(at, "the peer is no longer part of the run");
    }
    at = next;
  }
}

void LinkTable::drop(std::map<PeerId, Entry>::iterator at, const std::string& reason) {
  for (const link::ConnectionKey key : at->second.connections) {
    open_.erase(key);
    context_.emit(output::CloseConnection{key, reason});
  }
  add(dropped_counters_, at->second.link->counters());
  entries_.erase(at);
}

void LinkTable::close_all() {
  while (!entries_.empty()) drop(entries_.begin(), "the communicator has left the run");
  for (const auto& [key, orphan] : orphans_) {
    context_.emit(output::CloseConnection{key, "the communicator has left the run"});
  }
  orphans_.clear();
  dials_.clear();
  prober_.forget_all();
}

// ---- connections -------------------------------------------------------------------------------

void LinkTable::dial_missing(Entry& entry) {
  entry.redial_at = kNever;
  const size_t wanted = connections_wanted(entry);
  while (entry.connections.size() + entry.dials_in_flight < wanted) {
    const DialId dial = next_dial_++;
    dials_[dial] = PendingDial{entry.info.id, entry.info.session};
    const size_t index = entry.connections.size() + entry.dials_in_flight;
    ++entry.dials_in_flight;
    context_.emit(output::Dial{dial, entry.info.endpoints,
                               hello_to(entry.info, wire::HelloRole::kLink, index, wanted),
                               context_.config.dial_timeout});
  }
}

LinkTable::Answer LinkTable::on_hello(const wire::Hello& hello) const {
  wire::PeerInfo other;
  other.id = hello.peer;
  other.session = hello.session;
  Answer answer{hello_to(other, hello.role, hello.connection_index,
                         hello.connection_count), false};
  answer.keep = hello.role == wire::HelloRole::kLink && hello.run == run_hash_ &&
                hello.target_session == self_.session && self_.id &&
                (entries_.count(hello.peer) != 0 || orphans_.size() < kOrphansMax);
  return answer;
}

void LinkTable::on_accepted(link::ConnectionKey key, const wire::Hello& hello) {
  const auto found = entries_.find(hello.peer);
  if (found == entries_.end() || found->second.info.session != hello.session) {
    if (orphans_.size() < kOrphansMax) {
      orphans_[key] = Orphan{hello, context_.now + kOrphanPatience};
    } else {
      context_.emit(output::CloseConnection{key, "a hello from an unknown session"});
    }
    return;
  }
  if (found->second.connections.size() >= limits::kConnectionsPerLink) {
    context_.emit(output::CloseConnection{key, "the link has all its connections"});
    return;
  }
  add_connection(found->second, key);
}

void LinkTable::add_connection(Entry& entry, link::ConnectionKey key) {
  open_[key] = {entry.info.id, &entry.link->add_connection(key)};
  entry.connections.insert(key);
  entry.connected_at = context_.now;
  entry.missing_since = kNever;
  entry.warned = false;
  if (pulse_at_ == kNever) pulse_at_ = context_.now + heartbeat();
  context_.emit(output::StartConnection{key});
  report(entry, wire::LinkState::kUp, "");
}

void LinkTable::on_dialed(DialId dial, const DialResult& result) {
  if (dial >= Prober::kFirstDial) return prober_.on_dialed(dial, result);
  const auto pending = dials_.find(dial);
  if (pending == dials_.end()) {
    if (result.key != 0) context_.emit(output::CloseConnection{result.key, "no longer wanted"});
    return;
  }
  const PendingDial what = pending->second;
  dials_.erase(pending);
  const auto found = entries_.find(what.peer);
  if (found == entries_.end() || found->second.info.session != what.session) {
    if (result.key != 0) context_.emit(output::CloseConnection{result.key, "no longer wanted"});
    return;
  }
  Entry& entry = found->second;
  --entry.dials_in_flight;
  if (result.key != 0) {
    entry.goes_by_rate = result.goes_by_rate;
    heard_round_trip(entry, result.rtt_us);
    add_connection(entry, result.key);
    adapt_connections(entry);
    return;
  }
  if (entry.connections.empty()) {
    report(entry, result.refused ? wire::LinkState::kRefused : wire::LinkState::kUnreachable,
           result.reason);
    warn_of(entry, result.reason);
  }
  if (entry.backoff == Duration{0}) entry.backoff = kFirstBackoff;
  schedule_redial(entry);
}

void LinkTable::heard_round_trip(Entry& entry, uint64_t rtt_us) {
  if (rtt_us == 0 || (entry.rtt_us != 0 && entry.rtt_us <= rtt_us)) return;
  entry.rtt_us = rtt_us;
  // Only where the coordinator has been told of a much longer one.
  if (entry.told_rtt_us > 0 && rtt_us + rtt_us / 4 < entry.told_rtt_us) entry.reported.reset();
}

void LinkTable::adapt_connections(Entry& entry) {
  const uint32_t before = connections_wanted(entry);
  const PathFacts path{entry.rtt_us, bytes_per_second(entry), entry.goes_by_rate};
  entry.wanted = std::max(entry.wanted, connections_for(path));
  const bool more = connections_wanted(entry) > before;
  if (more && entry.dial && entry.redial_at == kNever) dial_missing(entry);
}

void LinkTable::on_closed(link::ConnectionKey key, const std::string& reason) {
  orphans_.erase(key);
  const auto open = open_.find(key);
  if (open == open_.end()) return;
  Entry& entry = entries_.at(open->second.peer);
  open_.erase(open);
  entry.connections.erase(key);
  entry.link->remove_connection(key);
  context_.log(2, fmt::format("a connection to {} is lost: {}", entry.info.name, reason));
  context_.note({FlightKind::kConnectionLost, nullptr, entry.info.id, entry.connections.size(),
                 reason});
  // A lost connection is not a lost peer: whoever dialled dials again. At once, unless
  // connections are made only to be lost.
  if (context_.now - entry.connected_at > kLongestBackoff) entry.backoff = Duration{0};
  schedule_redial(entry);
}

void LinkTable::schedule_redial(Entry& entry) {
  if (!entry.dial) return;
  ++entry.redials;
  context_.note({FlightKind::kRedial, nullptr, entry.info.id, entry.redials});
  const TimePoint at = context_.now + entry.backoff;
  entry.backoff = std::clamp(entry.backoff * 2, kFirstBackoff, kLongestBackoff);
  if (at > context_.now) {
    entry.redial_at = std::min(entry.redial_at, at);
  } else if (entry.redial_at == kNever) {
    dial_missing(entry);
  }
}

// Who leaves closes his connections a little before the roster tells of it: that the first dial
// fails is no news yet.
void LinkTable::warn_of(Entry& missing, const std::string& reason) {
  if (missing.missing_since == kNever) missing.missing_since = context_.now;
  if (missing.warned || context_.now - missing.missing_since < kFirstBackoff) return;
  missing.warned = true;
  context_.log(3, fmt::format("no connection to {}: {}", missing.info.name, reason));
}

void LinkTable::report(Entry& entry, wire::LinkState state, const std::string& reason) {
  if (entry.reported == state) return;
  entry.reported = state;
  context_.note({flight_kind(state), nullptr, entry.info.id, entry.connections.size(), reason});
  const bool up = state == wire::LinkState::kUp;
  reports_.push_back(wire::LinkReport{entry.info.id, state, reason, up ? entry.rtt_us : 0});
  if (up) entry.told_rtt_us = entry.rtt_us;
}

void LinkTable::probe(const wire::PeerInfo& peer) {
  context_.note({FlightKind::kProbe, nullptr, peer.id, 0, peer.name});
  prober_.probe(peer, hello_to(peer, wire::HelloRole::kProbe, 0, 1));
}

// ---- time and traffic --------------------------------------------------------------------------

Duration LinkTable::silence_limit() const {
  return std::min(context_.config.link_silence, patience_);
}

Duration LinkTable::heartbeat() const {
  return std::max(kShortestHeartbeat, std::min(context_.config.link_heartbeat,
                                               silence_limit() / kHeartbeatsPerSilence));
}

// Nothing tells of a path that swallows what is sent, or of a process there that has forgotten the
// connection: a silent connection is taken for a lost one.
void LinkTable::pulse() {
  const Duration slept = context_.now - pulse_at_;  // this process did not run
  pulse_at_ = open_.empty() ? kNever : context_.now + heartbeat();
  std::vector<link::SilentConnection> silent;
  for (auto& [peer, entry] : entries_) {
    for (auto& found : entry.link->pulse(context_.now, slept, silence_limit())) {
      silent.push_back(std::move(found));
    }
  }
  for (const link::SilentConnection& lost : silent) {
    context_.emit(output::CloseConnection{lost.key, lost.reason, true});
    on_closed(lost.key, lost.reason);
  }
  for (auto& [peer, entry] : entries_) adapt_connections(entry);
}

void LinkTable::tick() {
  prober_.tick();
  if (pulse_at_ <= context_.now) pulse();
  for (auto& [peer, entry] : entries_) {
    if (entry.redial_at <= context_.now) dial_missing(entry);
    entry.link->tick(context_.now);
  }
  for (auto at = orphans_.begin(); at != orphans_.end();) {
    const bool expired = at->second.until <= context_.now;
    if (expired) context_.emit(output::CloseConnection{at->first, "a hello from nobody known"});
    at = expired ? orphans_.erase(at) : std::next(at);
  }
}

TimePoint LinkTable::next_deadline() const {
  TimePoint next = std::min(prober_.next_deadline(), pulse_at_);
  for (const auto& [peer, entry] : entries_) {
    next = std::min({next, entry.redial_at, entry.link->next_deadline()});
  }
  for (const auto& [key, orphan] : orphans_) next = std::min(next, orphan.until);
  return next;
}

link::FrameStream* LinkTable::stream(link::ConnectionKey key) {
  const auto open = open_.find(key);
  return open == open_.end() ? nullptr : open->second.stream;
}

void LinkTable::send_chunk(PeerId to, link::OutFrame frame) {
  const auto found = entries_.find(to);
  if (found != entries_.end()) found->second.link->send_chunk(std::move(frame));
}

void LinkTable::send_free(PeerId to, link::OutFrame frame) {
  const auto found = entries_.find(to);
  if (found != entries_.end()) found->second.link->send_free(std::move(frame));
}

void LinkTable::grant(PeerId to, const AttemptId& attempt, uint64_t total) {
  const auto found = entries_.find(to);
  if (found != entries_.end()) found->second.link->grant(attempt, total);
}

void LinkTable::revoke(const AttemptId& attempt) {
  for (auto& [peer, entry] : entries_) entry.link->revoke(attempt);
}

uint64_t LinkTable::waiting_frames(PeerId peer) const {
  const auto found = entries_.find(peer);
  return found == entries_.end() ? 0 : found->second.link->waiting_frames();
}

bool LinkTable::at_rest() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return entry.second.link->at_rest(); });
}

link::LinkCounters LinkTable::counters() const {
  link::LinkCounters sum = dropped_counters_;
  for (const auto& [peer, entry] : entries_) add(sum, entry.link->counters());
  return sum;
}

std::vector<LinkStatus> LinkTable::status() const {
  std::vector<LinkStatus> all;
  for (const auto& [peer, entry] : entries_) {
    LinkStatus& status = all.emplace_back();
    const link::LinkCounters& counters = entry.link->counters();
    status.peer = entry.info;
    status.connections = entry.connections.size();
    status.dials_in_flight = entry.dials_in_flight;
    status.payload_sent = counters.payload_sent;
    status.payload_received = counters.payload_received;
    status.frames_resent = counters.frames_resent;
    status.redials = entry.redials;
    status.rtt_us = entry.rtt_us;
    status.bytes_per_second = bytes_per_second(entry);
    status.rate_measured = entry.measured_rate != 0;
    status.heard = entry.link->last_heard();
    status.state = entry.reported;
  }
  return all;
}

uint64_t LinkTable::egress_bytes_per_second() const {
  return measured_egress_ == 0 ? host_.egress.best() : measured_egress_;
}

uint64_t LinkTable::bytes_per_second(const Entry& entry) {
  return entry.measured_rate == 0 ? entry.link->bytes_per_second() : entry.measured_rate;
}

void LinkTable::note_rate(PeerId peer, uint64_t bytes_per_second) {
  const auto found = entries_.find(peer);
  if (found != entries_.end()) found->second.measured_rate = bytes_per_second;
}

std::optional<wire::Measured> LinkTable::take_measured() {
  wire::Measured measured;
  measured.egress_bytes_per_second = std::min(egress_bytes_per_second(), kRateMax);
  bool changed = differs(measured.egress_bytes_per_second, told_.egress_bytes_per_second);
  for (const auto& [peer, entry] : entries_) {
    const uint64_t rate = std::min(bytes_per_second(entry), kRateMax);
    if (rate == 0) continue;
    measured.paths.push_back({peer, rate});
    const auto told = std::find_if(told_.paths.begin(), told_.paths.end(),
                                   [to = peer](const auto& path) { return path.to == to; });
    changed = changed || differs(rate, told == told_.paths.end() ? 0 : told->bytes_per_second);
  }
  if (!changed) return std::nullopt;
  return told_ = measured;
}

std::vector<LinkTable::Report> LinkTable::take_reports() {
  std::vector<Report> all;
  for (wire::LinkReport& report : std::exchange(reports_, {})) all.emplace_back(std::move(report));
  for (wire::ProbeResult& result : prober_.take_results()) all.emplace_back(std::move(result));
  return all;
}

}  // namespace atoll_core::engine
