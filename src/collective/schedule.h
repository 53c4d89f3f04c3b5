// A collective as one participant sees it, without bytes: which element range goes to whom when,
// and what becomes of a range that arrives. The engine carries it out; it may be thrown away at
// any time (an attempt that aborts) and a new one made for the survivors.
#pragma once

#include <cstdint>
#include <vector>

#include "base/element.h"
#include "base/error.h"

namespace atoll_core::collective {

// Members are indexes into the op's participant list, which is the same on all of them.
struct Transfer {
  uint32_t to = 0;
  uint32_t segment = 0;
  uint32_t step = 0;
  ElementRange range;
  // The bytes are this participant's input (else what its sink holds by now).
  bool from_source = false;
  bool operator==(const Transfer&) const = default;
};

struct Arrival {
  uint32_t from = 0;
  uint32_t segment = 0;
  uint32_t step = 0;
  ElementRange range;
};

enum class Action : uint8_t {
  kReduce,   // sink[range] = received op source[range]
  kStore,    // sink[range] = received
  kCollect,  // kept whole, aside, until a Combine names its segment and range
};

struct Accepted {
  Action action = Action::kStore;
  // After the reduction this participant owns the final value: it finishes it (AVG's division).
  bool finish = false;
};

// sink[range] = the contributions of all participants, reduced in member order and finished. Those
// of others were collected as chunks of exactly this segment and range, and have all come; this
// one's own is source[range], at its place in the order. So the result depends on nobody's timing.
// Sink and source may be the same memory: the own contribution is to be read before it is
// overwritten.
struct Combine {
  uint32_t segment = 0;
  ElementRange range;
  bool operator==(const Combine&) const = default;
};

// To be carried out in this order: copies, combines, sends.
struct Work {
  std::vector<ElementRange> copies;  // sink[range] = source[range], finished
  std::vector<Combine> combines;
  std::vector<Transfer> sends;       // in this order of urgency
};

// Counters and positions only: a schedule never fails on what peers send, it refuses it.
class Schedule {
 public:
  virtual ~Schedule() = default;

  // What can be done at once. Called once, first.
  virtual void start(Work& work) = 0;
  // Whether a chunk with this name is expected now (each exactly once), and what to do with it.
  virtual Result<Accepted> expect(const Arrival& arrival) const = 0;
  // An expected chunk is whole, verified, and reduced, stored or collected; adds what can be done
  // now.
  virtual void absorbed(const Arrival& arrival, Work& work) = 0;
  // The result is complete in the sink.
  virtual bool complete() const = 0;
  // From whom chunks are still missing.
  virtual std::vector<uint32_t> awaited() const = 0;
  // Chunks absorbed so far and in total.
  virtual uint64_t chunks_absorbed() const = 0;
  virtual uint64_t chunks_expected() const = 0;

  // All elements below this are final in the sink here. 0 where nobody asks.
  virtual uint64_t complete_below() const { return 0; }
  // No further segment is begun until release(), which adds what can be sent then.
  virtual void hold() {}
  virtual void release(Work& /*work*/) {}
};

}  // namespace atoll_core::collective
