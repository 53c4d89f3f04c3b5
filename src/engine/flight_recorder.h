// What happened to this peer lately: a ring of short events in fixed memory, for the state that is
// written when somebody asks or a call fails. Noting an event costs a copy of at most 128 bytes and
// takes no memory; per chunk nothing is noted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace atoll_core::engine {

enum class FlightKind : uint8_t {
  kControlUp,
  kControlLost,
  kRegistered,
  kRoster,
  kLinkUp,
  kConnectionLost,
  kLinkRefused,
  kLinkUnreachable,
  kRedial,
  kLinkAnew,  // number: the life of its other end
  kProbe,
  kUpdateRequested,
  kUpdateDone,
  kUpdateFailed,
  kView,
  kFreeze,
  kThaw,
  kOpBegun,      // the call was made
  kOpAttempt,    // number: which attempt
  kOpComplete,   // the result is held here
  kResultFetch,  // number: who has it
  kOpStalled,    // text: who is awaited
  kAbortWanted,
  kOpCommitted,
  kOpAborted,    // to be tried again
  kOpFailed,     // for good
  kSyncPlan,
  kSyncFetched,
  kStateServed,     // to a pending peer, outside of any call; number: the revision
  kStateWithdrawn,  // the same revision
  kStateOffer,      // number: the revision that the members hold
  kStateLevel,      // it is here
  kLeft,
};
std::string_view to_string(FlightKind kind);  // "control up"

struct FlightEvent {
  TimePoint at{};
  FlightKind kind = FlightKind::kView;
  uint8_t text_bytes = 0;
  bool about_op = false;
  Group group = 0;      // with about_op
  uint64_t tag = 0;     // with about_op
  uint64_t sequence = 0;  // with about_op
  uint64_t peer = 0;    // 0: about no peer
  uint64_t number = 0;  // what it counts depends on the kind
  std::array<char, 80> text;

  std::string_view words() const { return {text.data(), text_bytes}; }
};
static_assert(sizeof(FlightEvent) <= 128);

// An event as the one who notes it writes it. The text is cut to the room there is.
struct FlightNote {
  FlightKind kind = FlightKind::kView;
  const OpId* op = nullptr;
  PeerId peer = {};
  uint64_t number = 0;
  std::string_view text = {};
};

class FlightRecorder {
 public:
  static constexpr size_t kEvents = 4096;

  explicit FlightRecorder(size_t capacity = kEvents);

  void note(TimePoint now, const FlightNote& note);

  // Oldest first.
  std::vector<FlightEvent> events() const;
  // Events that were noted, those included that newer ones have replaced.
  uint64_t noted() const { return noted_; }

 private:
  const size_t capacity_;
  std::vector<FlightEvent> ring_;  // reserved at once, so that only what is used takes pages
  uint64_t noted_ = 0;
};

}  // namespace atoll_core::engine
