// One engine as it stands, in plain values, for those who look into a run that does not move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "engine/call.h"
#include "engine/call_body.h"
#include "engine/control_watch.h"
#include "engine/flight_recorder.h"
#include "membership/peer/peer_machine.h"
#include "wire/control.h"

namespace atoll_core::engine {

struct CallReport {
  CallId call = 0;
  OpId op;
  wire::CallDescription description;
  std::string phase;              // "waiting for a thaw", "moving", "complete here"
  TimePoint begun{};
  TimePoint last_progress{};      // who is awaited is awaited since then
  uint64_t bytes_sent = 0;        // payload, all attempts
  uint64_t bytes_received = 0;
  uint32_t attempts = 0;
  std::vector<PeerId> awaited;    // have not been heard of in this attempt
  std::optional<Error> abort_wanted;
  std::optional<KeptProgress> kept;  // of a call that keeps segments, in elements
};

// An open call that keeps segments.
struct KeptReport {
  OpId op;
  KeptProgress progress;
};

struct LinkStatus {
  wire::PeerInfo peer;
  size_t connections = 0;
  uint32_t dials_in_flight = 0;
  uint64_t payload_sent = 0;
  uint64_t payload_received = 0;
  uint64_t frames_resent = 0;
  uint64_t redials = 0;
  uint64_t rtt_us = 0;            // the least while dialling; 0: not known, or the other dialled
  uint64_t bytes_per_second = 0;  // that it has reached alone; 0: not known
  bool rate_measured = false;     // on purpose, and not seen in traffic
  std::optional<TimePoint> heard;  // the last frame that came
  std::optional<wire::LinkState> state;  // as told to the coordinator
};

// How many entries the tables of calls have. Each is bounded, and shrinks again when calls end on
// all members or a new generation begins.
struct TableSizes {
  size_t names = 0;             // pairs of group and tag that this generation's calls have used
  size_t open_calls = 0;
  size_t ended_calls = 0;       // not yet known to have ended on all
  size_t early_verdicts = 0;    // aborts of calls that were not made here yet
  size_t stashed_attempts = 0;  // for which frames came before their call was made here
  size_t stashed_bytes = 0;
};

struct UpdateReport {
  TimePoint since{};
};

struct EngineReport {
  TimePoint now{};
  wire::PeerInfo self;
  std::string run;
  membership::PeerMachine::Standing standing = membership::PeerMachine::Standing::kIdle;
  bool frozen = false;
  std::optional<Error> left;
  std::optional<wire::View> view;
  ControlWatch control;
  std::vector<LinkStatus> links;
  uint64_t egress_bytes_per_second = 0;  // that all links have reached together; 0: not known
  std::optional<UpdateReport> update;
  std::vector<CallReport> calls;
  TableSizes tables;
  std::vector<FlightEvent> events;
  uint64_t events_noted = 0;
};

}  // namespace atoll_core::engine
