// The connections of the links: dialled, accepted, lost and dialled again.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "engine/connection_count.h"
#include "engine/link_table.h"

namespace atoll_core::engine {
namespace {

constexpr Duration kFirstBackoff = std::chrono::milliseconds(50);
constexpr Duration kLongestBackoff = std::chrono::milliseconds(1000);
// What the side that dials first has for itself: a few round trips of a long way.
constexpr Duration kHeadStart = std::chrono::milliseconds(500);
constexpr Duration kOrphanPatience = std::chrono::seconds(10);

FlightKind flight_kind(wire::LinkState state) {
  switch (state) {
    case wire::LinkState::kUp: return FlightKind::kLinkUp;
    case wire::LinkState::kRefused: return FlightKind::kLinkRefused;
    case wire::LinkState::kUnreachable: break;
  }
  return FlightKind::kLinkUnreachable;
}

}  // namespace

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

// ---- dialling ----------------------------------------------------------------------------------

bool LinkTable::dials_at_once(const Entry& entry) const {
  if (entry.connections.empty()) return entry.first == Dialler::kHere;
  return entry.connections.dialler() == Dialler::kHere;
}

void LinkTable::schedule_dial(Entry& entry, Duration delay) {
  const bool at_once = dials_at_once(entry);
  if (!at_once && !entry.connections.empty()) return;  // the other side makes up for what is lost
  const TimePoint at = context_.now + delay + (at_once ? Duration{0} : kHeadStart);
  if (at <= context_.now) return dial_missing(entry);
  entry.redial_at = std::min(entry.redial_at, at);
}

void LinkTable::dial_missing(Entry& entry) {
  entry.redial_at = kNever;
  if (!entry.connections.empty() && !dials_at_once(entry)) return;
  const size_t wanted = connections_wanted(entry);
  for (size_t index = 0; index < limits::kConnectionsPerLink; ++index) {
    if (entry.connections.size() + entry.dials_in_flight.size() >= wanted) return;
    const auto place = static_cast<uint8_t>(index);
    if (entry.connections.taken(place) || !entry.dials_in_flight.insert(place).second) continue;
    const DialId dial = next_dial_++;
    dials_[dial] = OpenDial{entry.info.id, entry.info.session, place, entry.ticket,
                               entry.life.own()};
    wire::Hello hello = hello_to(entry.info, wire::HelloRole::kLink, index, wanted);
    hello.ticket = entry.ticket;
    hello.life = entry.life.own();
    hello.bound_to = entry.life.bound_to();
    context_.emit(output::Dial{dial, entry.info.endpoints, hello, context_.config.dial_timeout});
  }
}

void LinkTable::on_dialed(DialId dial, const DialResult& result) {
  if (dial >= Prober::kFirstDial) return prober_.on_dialed(dial, result);
  const auto open = dials_.find(dial);
  if (open == dials_.end()) {
    if (result.key != 0) context_.emit(output::CloseConnection{result.key, "no longer wanted"});
    return;
  }
  const OpenDial what = open->second;
  dials_.erase(open);
  const auto found = entries_.find(what.peer);
  if (found == entries_.end() || found->second.info.session != what.session) {
    if (result.key != 0) context_.emit(output::CloseConnection{result.key, "no longer wanted"});
    return;
  }
  Entry& entry = found->second;
  entry.dials_in_flight.erase(what.index);
  if (result.answered) answered_.note(what.session, result.address);
  hear_life(entry, result.answer.life);
  // After the coordinator has begun a new life, one of the two may hear of its ticket first.
  const bool knows_ticket = result.answer.ticket == what.ticket;
  const bool fits = what.life == entry.life.own() &&
                    entry.life.fits(result.answer.life, result.answer.bound_to);
  if (result.key != 0 && !(knows_ticket && fits)) {
    context_.emit(output::CloseConnection{result.key, "the other side does not let it stay"});
  } else if (result.key != 0) {
    entry.life.bind(result.answer.life);
    entry.goes_by_rate = result.goes_by_rate;
    heard_round_trip(entry, result.rtt_us);
    if (add_connection(entry, result.key, Dialler::kHere, what.index)) adapt_connections(entry);
    return;
  }
  const bool only_began_anew = result.answered && knows_ticket && !fits;
  if (entry.connections.empty() && !only_began_anew) {
    const bool gone = result.refused && answered_.proves_death(what.session, result.refused_at);
    const std::string& reason =
        result.answered && !knows_ticket ? entry.info.name + " does not know this peer's ticket yet"
                                     : result.reason;
    report(entry, gone ? wire::LinkState::kRefused : wire::LinkState::kUnreachable, reason);
    warn_of(entry, reason);
  }
  if (entry.backoff == Duration{0}) entry.backoff = kFirstBackoff;
  redial(entry);
}

void LinkTable::redial(Entry& entry) {
  if (!entry.connections.empty() && !dials_at_once(entry)) return;
  ++entry.redials;
  context_.note({FlightKind::kRedial, nullptr, entry.info.id, entry.redials});
  const Duration delay = entry.backoff;
  entry.backoff = std::clamp(entry.backoff * 2, kFirstBackoff, kLongestBackoff);
  schedule_dial(entry, delay);
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
  if (more && dials_at_once(entry) && entry.redial_at == kNever) dial_missing(entry);
}

void LinkTable::move() {
  context_.log(2, "this host has another address now: all links are dialled anew");
  for (auto& [peer, entry] : entries_) {
    close_connections(entry, entry.connections.keys(), "the address of this host has changed");
    entry.backoff = Duration{0};
    dial_missing(entry);
  }
}

// ---- connections that come and go --------------------------------------------------------------

bool LinkTable::shows_ticket(const Entry& entry, const wire::Hello& hello) {
  return entry.info.session == hello.session && entry.ticket == hello.ticket;
}

LinkTable::Answer LinkTable::on_hello(const wire::Hello& hello) {
  if (hello.target_session != self_.session || hello.run != run_hash_) {
    return {wire::refusal_hello(), false};
  }
  wire::PeerInfo other;
  other.id = hello.peer;
  other.session = hello.session;
  Answer answer{hello_to(other, hello.role, hello.connection_index,
                         hello.connection_count), false};
  if (hello.role != wire::HelloRole::kLink || !self_.id) return answer;
  // A newcomer may dial before the roster tells of it, and of its ticket.
  const auto found = entries_.find(hello.peer);
  const bool is_known = found != entries_.end() && found->second.info.session == hello.session;
  if (is_known ? !shows_ticket(found->second, hello)
               : orphans_.size() >= limits::kOrphanConnections) {
    return answer;
  }
  if (is_known) hear_life(found->second, hello.life);
  const LinkLife life = is_known ? found->second.life : LinkLife(life_);
  answer.keep = life.fits(hello.life, hello.bound_to);
  answer.hello.ticket = hello.ticket;
  answer.hello.life = life.own();
  answer.hello.bound_to = answer.keep ? hello.life : life.bound_to();
  return answer;
}

void LinkTable::on_accepted(link::ConnectionKey key, const wire::Hello& hello,
                            const wire::Hello& answer) {
  const auto found = entries_.find(hello.peer);
  if (found == entries_.end() || found->second.info.session != hello.session) {
    if (orphans_.size() < limits::kOrphanConnections) {
      orphans_[key] = Orphan{hello, answer, context_.now + kOrphanPatience};
    } else {
      context_.emit(output::CloseConnection{key, "a hello from an unknown session"});
    }
    return;
  }
  take_in(found->second, key, hello, answer);
}

void LinkTable::take_in(Entry& entry, link::ConnectionKey key, const wire::Hello& hello,
                        const wire::Hello& answer) {
  if (!shows_ticket(entry, hello)) {
    context_.emit(output::CloseConnection{key, "its ticket is not the one that was given"});
    return;
  }
  if (answer.life != entry.life.own() || !entry.life.fits(hello.life, hello.bound_to)) {
    context_.emit(output::CloseConnection{key, "the link has begun anew meanwhile"});
    return;
  }
  entry.life.bind(hello.life);
  add_connection(entry, key, Dialler::kThere, hello.connection_index);
}

bool LinkTable::add_connection(Entry& entry, link::ConnectionKey key, Dialler dialler,
                               uint8_t index) {
  const ConnectionSet::Change change = entry.connections.add(key, dialler, index, context_.now);
  if (!change.stays) {
    context_.emit(output::CloseConnection{key, "the other side has dialled, too"});
    return false;
  }
  open_[key] = {entry.info.id, &entry.link->add_connection(key)};
  close_connections(entry, change.gone, "a newer connection has its place");
  entry.connected_at = context_.now;
  entry.missing_since = kNever;
  entry.warned = false;
  if (pulse_at_ == kNever) pulse_at_ = context_.now + heartbeat();
  context_.emit(output::StartConnection{key});
  report(entry, wire::LinkState::kUp, "");
  return true;
}

void LinkTable::close_connections(Entry& entry, const std::vector<link::ConnectionKey>& keys,
                                  const std::string& reason) {
  for (const link::ConnectionKey key : keys) {
    context_.emit(output::CloseConnection{key, reason, true});
    note_lost(entry, key);
  }
}

void LinkTable::note_lost(Entry& entry, link::ConnectionKey key) {
  open_.erase(key);
  entry.connections.remove(key);
  entry.link->remove_connection(key);
}

void LinkTable::on_closed(link::ConnectionKey key, const std::string& reason) {
  orphans_.erase(key);
  const auto open = open_.find(key);
  if (open == open_.end()) return;
  Entry& entry = entries_.at(open->second.peer);
  note_lost(entry, key);
  context_.log(2, fmt::format("a connection to {} is lost: {}", entry.info.name, reason));
  context_.note({FlightKind::kConnectionLost, nullptr, entry.info.id, entry.connections.size(),
                 reason});
  // A lost connection is not a lost peer: it is dialled again. At once, unless connections are
  // made only to be lost.
  if (context_.now - entry.connected_at > kLongestBackoff) entry.backoff = Duration{0};
  redial(entry);
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
  entry.needed_reported = !up && entry.link->has_something_to_send();
  entry.why_missing = reason;
  reports_.push_back(wire::LinkReport{entry.info.id, state, reason, up ? entry.rtt_us : 0,
                                      entry.needed_reported});
  if (up) entry.told_rtt_us = entry.rtt_us;
  if (up) missing_.erase(entry.info.id);
  else missing_.insert(entry.info.id);
}

void LinkTable::report_needs() {
  for (const PeerId peer : missing_) {
    Entry& entry = entries_.at(peer);
    const bool needed = entry.link->has_something_to_send();
    if (needed == std::exchange(entry.needed_reported, needed)) continue;
    reports_.push_back(
        wire::LinkReport{peer, *entry.reported, entry.why_missing, 0, needed});
  }
}

void LinkTable::probe(const wire::PeerInfo& peer) {
  context_.note({FlightKind::kProbe, nullptr, peer.id, 0, peer.name});
  prober_.probe(peer, hello_to(peer, wire::HelloRole::kProbe, 0, 1));
}

}  // namespace atoll_core::engine
