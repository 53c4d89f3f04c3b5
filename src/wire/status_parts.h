// What the coordinator's answer to a status request is made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "wire/peer_info.h"

namespace atoll_core::wire {

enum class PeerStanding : uint8_t { kMember = 0, kPending = 1, kSuspect = 2 };
std::string_view to_string(PeerStanding standing);  // "member"

// A registered peer as the coordinator sees it.
struct PeerStatus {
  PeerInfo peer;               // with one endpoint at most
  PeerStanding standing = PeerStanding::kPending;
  std::string remote;          // where its control connection comes from
  uint64_t silent_ms = 0;      // since it was heard
  bool updating = false;       // waits in atollUpdate
  bool operator==(const PeerStatus&) const = default;
};

// An op that has not ended, as far as the coordinator knows of it. Of the peers that are done, that
// are not, and that are said not to have called, the first kPeersPerOpStatus are named.
struct OpStatus {
  OpId op;
  std::string what;            // "all-reduce of 5 float32, sum"
  uint64_t known_ms = 0;       // since the coordinator heard of it
  uint32_t done_count = 0;
  uint32_t awaited_count = 0;
  std::vector<PeerId> done;
  std::vector<PeerId> awaited;
  std::vector<PeerId> absent;  // somebody waits for them: they have not called
  std::string abort_reason;    // empty: nobody asked for its end
  bool operator==(const OpStatus&) const = default;
};

struct EventStatus {
  uint64_t age_ms = 0;
  std::string text;
  bool operator==(const EventStatus&) const = default;
};

struct StatusCounters {
  uint64_t commits = 0;
  uint64_t aborts = 0;
  uint64_t settle_rounds = 0;
  uint64_t admissions = 0;
  uint64_t evictions = 0;  // of replicas
  uint64_t left = 0;       // replicas, of their own will
  bool operator==(const StatusCounters&) const = default;
};

}  // namespace atoll_core::wire
