#include "engine/link_table.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace atoll_core::engine {
namespace {

constexpr int kHeartbeatsPerSilence = 6;  // at least
constexpr Duration kShortestHeartbeat = std::chrono::milliseconds(5);

}  // namespace

LinkTable::LinkTable(Context& context, link::LinkOwner& owner)
    : context_(context),
      owner_(owner),
      self_(context.config.membership.self),
      prober_(context, answered_) {}

LinkTable::~LinkTable() = default;

void LinkTable::set_identity(PeerId self, const std::string& run, Duration patience) {
  if (self_.id && self_.id != self) change_id();
  self_.id = self;
  run_hash_ = wire::hash_run_id(run);
  patience_ = patience;
}

// Links are between ids.
void LinkTable::change_id() {
  while (!entries_.empty()) drop(entries_.begin(), "this peer has a new id");
  told_ = {};
  dials_.clear();
}

uint32_t LinkTable::connections_wanted(const Entry& entry) const {
  const uint32_t asked = context_.config.connections_per_link;
  return asked == 0 ? entry.wanted : asked;
}

size_t LinkTable::connections_wanted() const {
  size_t wanted = 0;
  for (const auto& [peer, entry] : entries_) {
    wanted += std::max<size_t>(connections_wanted(entry), entry.connections.size());
  }
  return wanted;
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
    Entry& entry = entry_of(listed);
    entry.ticket = listed.ticket;
    learn_endpoints(entry, listed.peer.endpoints);
    const bool is_due = entry.connections.empty() && entry.dials_in_flight.empty() &&
                        entry.redial_at == kNever;
    if (is_due) schedule_dial(entry, Duration{0});
  }
  drop_unneeded();
  for (auto at = orphans_.begin(); at != orphans_.end();) {
    const auto found = entries_.find(at->second.hello.peer);
    const bool adopted = found != entries_.end() &&
                         found->second.info.session == at->second.hello.session;
    if (adopted) take_in(found->second, at->first, at->second.hello, at->second.answer);
    at = adopted ? orphans_.erase(at) : std::next(at);
  }
  share_eager_credit();
}

// Also now and then: what one link gives back, others were waiting for.
void LinkTable::share_eager_credit() {
  const uint64_t share = eager_.share(entries_.size());
  for (auto& [peer, entry] : entries_) entry.link->set_eager_window(share);
}

LinkTable::Entry& LinkTable::entry_of(const wire::Roster::Entry& listed) {
  const auto found = entries_.find(listed.peer.id);
  if (found != entries_.end()) return found->second;
  const Dialler first = listed.dial ? Dialler::kHere : Dialler::kThere;
  Entry entry(listed.peer, first, context_.config.dial_timeout, life_);
  entry.link = make_link(listed.peer);
  return entries_.emplace(listed.peer.id, std::move(entry)).first->second;
}

std::unique_ptr<link::Link> LinkTable::make_link(const wire::PeerInfo& peer) {
  link::LinkConfig config;
  config.buffers = &context_.buffers;
  config.peer = peer.id;
  config.peer_name = peer.name;
  config.host = &host_;
  config.eager = &eager_;
  config.stretch = context_.config.rate_stretch;
  return std::make_unique<link::Link>(config, owner_);
}

// What has been counted has been counted with an end that is gone.
void LinkTable::hear_life(Entry& entry, uint64_t other) {
  if (!entry.life.is_outlived_by(other)) return;
  const std::string reason = "the other end of the link was made again";
  context_.log(2, fmt::format("the link to {} begins anew: {}", entry.info.name, reason));
  context_.note({FlightKind::kLinkAnew, nullptr, entry.info.id, other});
  close_connections(entry, entry.connections.keys(), reason);
  dropped_counters_ += entry.link->counters();
  entry.link = make_link(entry.info);
  entry.life.begin_anew(++life_, other);
  entry.backoff = Duration{0};
  begun_anew_.insert(entry.info.id);
  share_eager_credit();
  schedule_dial(entry, Duration{0});
}

void LinkTable::learn_endpoints(Entry& entry, const std::vector<Endpoint>& endpoints) {
  if (entry.info.endpoints == endpoints) return;
  entry.info.endpoints = endpoints;
  entry.backoff = Duration{0};
  if (entry.connections.empty() && entry.redial_at != kNever) schedule_dial(entry, Duration{0});
}

void LinkTable::set_view(const wire::View& view) {
  members_.clear();
  for (const wire::PeerInfo& member : view.members) members_[member.id] = member.session;
  drop_unneeded();
  forget_addresses();
  meet_neighbours(view);
}

// The coordinator asks the neighbours of a suspect, in the order of the view, whether it lives. Of
// a link that was dialled from there, this end does not know yet where the other listens.
void LinkTable::meet_neighbours(const wire::View& view) {
  const auto self = std::find_if(view.members.begin(), view.members.end(),
                                 [this](const auto& member) { return member.id == self_.id; });
  if (self == view.members.end()) return;
  const auto count = static_cast<std::ptrdiff_t>(view.members.size());
  const std::ptrdiff_t place = self - view.members.begin();
  for (const std::ptrdiff_t step : {1, 2, -1, -2}) {
    const wire::PeerInfo& neighbour =
        view.members[static_cast<size_t>(((place + step) % count + count) % count)];
    if (neighbour.id == self_.id || answered_.any(neighbour.session)) continue;
    prober_.meet(neighbour, hello_to(neighbour, wire::HelloRole::kProbe, 0, 1));
  }
}

void LinkTable::forget_addresses() {
  std::set<SessionId> sessions;
  for (const auto& [peer, entry] : entries_) sessions.insert(entry.info.session);
  for (const auto& [peer, session] : members_) sessions.insert(session);
  answered_.keep_only(sessions);
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

void LinkTable::drop(Entries::iterator at, const std::string& reason) {
  for (const link::ConnectionKey key : at->second.connections.keys()) {
    open_.erase(key);
    context_.emit(output::CloseConnection{key, reason});
  }
  dropped_counters_ += at->second.link->counters();
  missing_.erase(at->first);
  entries_.erase(at);
  ++life_;
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
    const Duration limit = entry.silence.limit(silence_limit());
    std::vector<link::SilentConnection> found = entry.link->pulse(context_.now, slept, limit);
    entry.silence.pulse(context_.now, !found.empty(), limit);
    std::move(found.begin(), found.end(), std::back_inserter(silent));
  }
  for (const link::SilentConnection& lost : silent) {
    context_.emit(output::CloseConnection{lost.key, lost.reason, true});
    on_closed(lost.key, lost.reason);
  }
  for (auto& [peer, entry] : entries_) adapt_connections(entry);
  share_eager_credit();
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

void LinkTable::let_go(PeerId from, const wire::FrameHeader& header) {
  const auto found = entries_.find(from);
  if (found != entries_.end()) found->second.link->let_go(header);
}

bool LinkTable::may_serve(PeerId peer) const {
  const auto found = entries_.find(peer);
  if (found == entries_.end() || found->second.link->free_frames() >= limits::kServedFrames) {
    return false;
  }
  uint64_t bytes = 0;
  for (const auto& [id, entry] : entries_) bytes += entry.link->free_bytes();
  return bytes < limits::kServedBytesInAll;
}

bool LinkTable::at_rest() const {
  return std::all_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return entry.second.link->at_rest(); });
}

std::vector<LinkTable::Report> LinkTable::take_reports() {
  report_needs();
  std::vector<Report> all;
  for (wire::LinkReport& report : std::exchange(reports_, {})) all.emplace_back(std::move(report));
  for (wire::ProbeResult& result : prober_.take_results()) all.emplace_back(std::move(result));
  return all;
}

}  // namespace atoll_core::engine
