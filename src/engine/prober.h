// Probes: is that peer still there? Asked by the coordinator about a peer whose control connection
// broke. A dying process may still accept a connection and reset it a moment later, so a probe
// that ends without an answer is repeated until its time is up; only then the peer is "silent".
// A refusal finds it dead only at an address where it has answered before; so peers that may be
// asked one day meet beforehand.
#pragma once

#include <map>
#include <vector>

#include "engine/answered_endpoints.h"
#include "engine/context.h"
#include "engine/dial_result.h"
#include "wire/control.h"

namespace atoll_core::engine {

class Prober {
 public:
  // Dial ids of probes; links use those below.
  static constexpr DialId kFirstDial = DialId{1} << 63;

  Prober(Context& context, AnsweredEndpoints& answered) : context_(context), answered_(answered) {}

  void probe(const wire::PeerInfo& peer, wire::Hello hello);
  // Dials it once, to learn where it answers. Nobody is told.
  void meet(const wire::PeerInfo& peer, wire::Hello hello);
  // A dial with an id of kFirstDial or more has ended.
  void on_dialed(DialId dial, const DialResult& result);
  void tick();
  TimePoint next_deadline() const;
  void forget_all() {
    probes_.clear();
    meetings_.clear();
  }
  std::vector<wire::ProbeResult> take_results();

 private:
  struct Probe {
    wire::PeerInfo peer;
    wire::Hello hello;
    TimePoint until;
    TimePoint again_at = kNever;  // armed between two dials
    Duration pause;
  };

  void dial(Probe& probe, DialId id);

  Context& context_;
  AnsweredEndpoints& answered_;
  std::map<DialId, Probe> probes_;
  std::map<DialId, SessionId> meetings_;
  DialId next_ = kFirstDial;
  std::vector<wire::ProbeResult> results_;
};

}  // namespace atoll_core::engine
