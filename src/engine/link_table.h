// The links of one peer: made by the roster, dialled and redialled, dropped with their peers. A
// link outlives its connections: it ends when neither the roster names the peer nor the view.
// Not by the roster alone: a coordinator may die when it has dropped a member, and before a view
// has told of that. Its next life may go on with both ends of the link, and calls that are open.
// An end that was made again all the same is found out by its life; see link_life.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/answered_endpoints.h"
#include "engine/connection_set.h"
#include "engine/context.h"
#include "engine/dial_result.h"
#include "engine/link_life.h"
#include "engine/prober.h"
#include "engine/report.h"
#include "engine/silence_patience.h"
#include "link/frame_stream.h"
#include "link/link.h"
#include "wire/control.h"
#include "wire/hello.h"

namespace atoll_core::engine {

class LinkTable {
 public:
  // What is to be told to the coordinator.
  using Report = std::variant<wire::LinkReport, wire::ProbeResult>;

  LinkTable(Context& context, link::LinkOwner& owner);
  ~LinkTable();

  // `patience`: this peer's with a silent coordinator. It has no more of it with other peers.
  void set_identity(PeerId self, const std::string& run, Duration patience);
  void apply_roster(const wire::Roster& roster);
  void set_view(const wire::View& view);
  void probe(const wire::PeerInfo& peer);
  // This peer's address is another one now: what stands is lost, and the others may not know where
  // to dial. So this side does, at once.
  void move();

  // What to answer an incoming hello, and whether the connection stays open. Who does not know whom
  // it has reached learns nothing; a link is for those who show the ticket that the coordinator has
  // given to the two.
  struct Answer {
    wire::Hello hello;
    bool keep = false;
  };
  Answer on_hello(const wire::Hello& hello);
  // `answer`: what on_hello has said to `hello`.
  void on_accepted(link::ConnectionKey key, const wire::Hello& hello, const wire::Hello& answer);
  void on_dialed(DialId dial, const DialResult& result);
  void on_closed(link::ConnectionKey key, const std::string& reason);

  void tick();
  TimePoint next_deadline() const;

  // Null for connections that are not part of a link (any more).
  link::FrameStream* stream(link::ConnectionKey key);
  // Dropped when there is no link to that peer: it is dead, and a settle round will say so.
  void send_chunk(PeerId to, link::OutFrame frame);
  void send_free(PeerId to, link::OutFrame frame);
  void grant(PeerId to, const AttemptId& attempt, uint64_t total);
  void revoke(const AttemptId& attempt);
  // An eager chunk from there is not kept any more.
  void let_go(PeerId from, const wire::FrameHeader& header);
  // What all links together may make this peer keep of calls that it has not made.
  uint64_t eager_outstanding() const { return eager_.used; }
  void close_all();

  bool has_link(PeerId peer) const { return entries_.count(peer) != 0; }
  // Whether one more answer may wait for this peer: nobody can fill this one with what it asks for.
  bool may_serve(PeerId peer) const;
  // Nothing that may be sent waits for a connection or for the system.
  bool at_rest() const;
  size_t open_connections() const { return open_.size(); }
  // Of all links together, if they could be had.
  size_t connections_wanted() const;
  link::LinkCounters counters() const;
  std::vector<LinkStatus> status() const;
  // 0: not known.
  uint64_t egress_bytes_per_second() const;
  // Measured on purpose: counts for more than what the meters see.
  void note_rate(PeerId peer, uint64_t bytes_per_second);
  void note_egress(uint64_t bytes_per_second) { measured_egress_ = bytes_per_second; }
  std::vector<Report> take_reports();
  // Peers to whom a link had to begin anew. What was on its way over the old one is lost.
  std::set<PeerId> take_begun_anew() { return std::exchange(begun_anew_, {}); }
  // What the links have reached, all of it, when something has changed by more than a quarter.
  std::optional<wire::Measured> take_measured();

 private:
  struct Entry {
    Entry(wire::PeerInfo peer, Dialler at_once, Duration longest_dial, uint64_t own_life)
        : info(std::move(peer)),
          first(at_once),
          life(own_life),
          connections(at_once, longest_dial) {}

    wire::PeerInfo info;
    Ticket ticket;                   // of the two, by the last roster
    Dialler first;                   // who dials at once
    LinkLife life;
    std::unique_ptr<link::Link> link;
    ConnectionSet connections;
    SilencePatience silence;
    std::set<uint8_t> dials_in_flight;  // their places in the link
    uint32_t wanted = 1;             // connections; never fewer than before
    bool goes_by_rate = false;       // its connections' congestion control
    uint64_t rtt_us = 0;             // the least that was seen; 0: not known
    uint64_t measured_rate = 0;      // by note_rate; 0: never
    uint64_t told_rtt_us = 0;        // to the coordinator
    uint64_t redials = 0;
    Duration backoff{0};             // before the next dial; 0: at once
    TimePoint connected_at{};        // last time
    TimePoint missing_since = kNever;  // dials have failed, no connection stands
    bool warned = false;               // since then
    TimePoint redial_at = kNever;
    std::optional<wire::LinkState> reported;
    bool needed_reported = false;
    std::string why_missing;           // as reported
  };
  using Entries = std::map<PeerId, Entry>;
  struct Connection {
    PeerId peer;
    link::FrameStream* stream = nullptr;  // the link's
  };
  struct OpenDial {
    PeerId peer;
    SessionId session;
    uint8_t index = 0;  // the connection's place in the link
    Ticket ticket;      // that was shown
    uint64_t life = 0;  // that was told
  };
  // A newcomer dialled before the roster told of it.
  struct Orphan {
    wire::Hello hello;
    wire::Hello answer;
    TimePoint until;
  };

  wire::Hello hello_to(const wire::PeerInfo& peer, wire::HelloRole role, size_t index,
                       size_t connections) const;
  static bool shows_ticket(const Entry& entry, const wire::Hello& hello);
  // A connection that was dialled there, unless its ticket is another one, or the link has begun
  // anew since.
  void take_in(Entry& entry, link::ConnectionKey key, const wire::Hello& hello,
               const wire::Hello& answer);
  void hear_life(Entry& entry, uint64_t other);
  std::unique_ptr<link::Link> make_link(const wire::PeerInfo& peer);
  Entry& entry_of(const wire::Roster::Entry& listed);
  void learn_endpoints(Entry& entry, const std::vector<Endpoint>& endpoints);
  void dial_missing(Entry& entry);
  // When the dial of a place that is free is due.
  void schedule_dial(Entry& entry, Duration delay);
  void redial(Entry& entry);
  bool dials_at_once(const Entry& entry) const;
  // False: it was closed, since another set of connections stays.
  bool add_connection(Entry& entry, link::ConnectionKey key, Dialler dialler, uint8_t index);
  void close_connections(Entry& entry, const std::vector<link::ConnectionKey>& keys,
                         const std::string& reason);
  void note_lost(Entry& entry, link::ConnectionKey key);
  // Looks where those listen who may have to be found dead one day.
  void meet_neighbours(const wire::View& view);
  void change_id();
  void forget_addresses();
  void heard_round_trip(Entry& entry, uint64_t rtt_us);
  // Dials more where a longer or faster way takes more connections.
  void adapt_connections(Entry& entry);
  static uint64_t bytes_per_second(const Entry& entry);  // 0: not known
  // Each link its part of the eager credit.
  void share_eager_credit();
  void drop_unneeded();
  void drop(Entries::iterator at, const std::string& reason);
  void warn_of(Entry& missing, const std::string& reason);
  void report(Entry& entry, wire::LinkState state, const std::string& reason);
  // Which links that are not there are needed, or no longer.
  void report_needs();
  uint32_t connections_wanted(const Entry& entry) const;
  Duration silence_limit() const;  // of a link that has had no silence
  Duration heartbeat() const;
  void pulse();

  Context& context_;
  link::LinkOwner& owner_;
  wire::PeerInfo self_;
  uint64_t run_hash_ = 0;
  link::HostMeter host_;
  link::EagerPool eager_;
  uint64_t measured_egress_ = 0;  // by note_egress; 0: never
  wire::Measured told_;  // to the coordinator
  Entries entries_;
  uint64_t life_ = 1;  // of a link that is made now; none had a higher one
  std::set<PeerId> begun_anew_;
  std::set<PeerId> named_;  // by the last roster
  std::map<PeerId, SessionId> members_;  // of the view
  std::map<link::ConnectionKey, Connection> open_;
  std::map<link::ConnectionKey, Orphan> orphans_;
  std::map<DialId, OpenDial> dials_;
  DialId next_dial_ = 1;
  AnsweredEndpoints answered_;
  Prober prober_;
  Duration patience_ = kNever - TimePoint{};
  TimePoint pulse_at_ = kNever;  // next, while there are connections
  std::vector<wire::LinkReport> reports_;
  std::set<PeerId> missing_;  // reported, and not up
  link::LinkCounters dropped_counters_;
};

}  // namespace atoll_core::engine
