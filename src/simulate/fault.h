// The faults of a simulated run, and the phases in which they meet it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace atoll_core::simulate {

enum class Fault : uint8_t {
  kCutConnection,       // a data connection is reset, both ends are told
  kHalfOpenConnection,  // a data connection is forgotten, one end is not told
  kDropControl,         // a control connection is reset
  kHalfOpenControl,     // a control connection is forgotten, one end is not told
  kBlackhole,           // nothing passes from one peer to another for a while
  kPartition,           // some peers cannot reach the others for a while, or one way only
  kCutOff,              // some peers cannot reach the coordinator for a while, or one way only
  kCorruptByte,         // a byte of what a peer receives is changed
  kCrash,               // a process dies between two events
  kCrashInTheMiddle,    // a process dies with half of its outputs carried out
  kFreeze,              // a process stands still for a while
  kFreezeCoordinator,   // the coordinator stands still for a while
  kLeave,               // a peer leaves of its own will
  kJoin,                // a fresh replica comes
  kComeBack,            // one that was there before comes back
  kCancel,              // a caller cancels what it waits for
  kCoordinatorRestart,  // the coordinator dies and starts again
  kNewcomerFirst,       // the same, and a newcomer comes before any member can
  kNewRun,              // its operator starts it for a new run, with those of the old one around
  kSecondFirst,         // another coordinator is told so, and newcomers take it for the first
  kLoseAnswer,          // one that goes on with a run: its answer does not reach all
  kPartLives,           // some go on with one life of the coordinator, the others with the next
  kCannotBeDialled,     // a peer that dials others refuses their dials from now on
  kMove,                // a peer has another address from now on
  kOverload,            // the coordinator has no place for those who come (back) for a while
  kCutVerdicts,         // the coordinator dies between two shards' verdicts, and starts again
  kNewcomerAlone,       // a newcomer is let in, and all others lose their membership before a sync
};
inline constexpr size_t kFaultCount = 27;

inline constexpr std::array<std::string_view, kFaultCount> kFaultNames = {
    "cut connection", "half-open connection", "drop control", "half-open control", "blackhole",
    "partition", "cut off", "corrupt byte", "crash", "crash in the middle", "freeze",
    "freeze coordinator", "leave", "join", "come back", "cancel", "coordinator restart",
    "newcomer first", "new run", "second first", "lose answer", "part lives", "cannot be dialled",
    "move", "overload", "cut verdicts", "newcomer alone"};

// What the victim of a fault is doing, roughly; of several the last one counts.
enum class Phase : uint8_t { kIdle, kUpdate, kSmallOp, kLargeOp, kSync, kRejoin, kSettle };
inline constexpr size_t kPhaseCount = 7;

inline constexpr std::array<std::string_view, kPhaseCount> kPhaseNames = {
    "idle", "update", "small op", "large op", "sync", "rejoin", "settle"};

inline std::string_view to_string(Fault fault) { return kFaultNames[static_cast<size_t>(fault)]; }
inline std::string_view to_string(Phase phase) { return kPhaseNames[static_cast<size_t>(phase)]; }

// Only some runs have it, beside their other faults and drawn apart from them.
inline bool is_apart(Fault fault) {
  return fault == Fault::kCutVerdicts || fault == Fault::kNewcomerAlone;
}

// How often each fault is chosen, relative to the others; of one that is apart, how many befall a
// run at most.
struct FaultMix {
  std::array<uint32_t, kFaultCount> weights = {4, 2, 4, 2, 3, 3, 3, 3, 6, 6, 3, 1, 2, 5, 3, 4, 3,
                                               2, 2, 3, 3, 2, 3, 3, 3, 4, 1};
  bool operator==(const FaultMix&) const = default;
};

// Those alone that are about who drives a run.
inline FaultMix driving_faults() {
  FaultMix mix;
  mix.weights = {};
  for (auto i = static_cast<size_t>(Fault::kNewcomerFirst);
       i <= static_cast<size_t>(Fault::kPartLives); ++i) {
    mix.weights[i] = 2;
  }
  return mix;
}

// Those alone that are about who can reach whom.
inline FaultMix reach_faults() {
  FaultMix mix;
  mix.weights = {};
  for (const Fault fault : {Fault::kHalfOpenConnection, Fault::kHalfOpenControl, Fault::kBlackhole,
                            Fault::kPartition, Fault::kCrash, Fault::kJoin, Fault::kComeBack,
                            Fault::kCannotBeDialled, Fault::kMove, Fault::kOverload}) {
    mix.weights[static_cast<size_t>(fault)] = 2;
  }
  return mix;
}

// A fault that cannot meet a phase: there is nothing to cancel or to leave, say.
inline bool can_meet(Fault fault, Phase phase) {
  switch (fault) {
    case Fault::kCancel:
      return phase != Phase::kIdle && phase != Phase::kUpdate && phase != Phase::kRejoin;
    case Fault::kSecondFirst:  // of those who come to it
    case Fault::kNewcomerAlone: return phase == Phase::kRejoin;
    default: return true;
  }
}

}  // namespace atoll_core::simulate
