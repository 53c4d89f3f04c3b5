// The emulated network without its devices: takes frames with the time, says when to come back,
// and hands out what has arrived. A frame passes, in this order: the sender's uplink, the rate of
// the path, loss, delay, the receiver's downlink.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "tools/atoll/wanlab/chance.h"
#include "tools/atoll/wanlab/limiter.h"
#include "tools/atoll/wanlab/packet.h"
#include "tools/atoll/wanlab/settings.h"

namespace atoll_cli {

// What is on its way at one time is at most so much memory; more is dropped as by a full queue.
inline constexpr uint64_t kBytesInFlightMax = 512ull << 20;

// In packets of the MTU, and bytes with IP headers.
struct PathCounters {
  uint64_t sent_packets = 0;
  uint64_t sent_bytes = 0;
  uint64_t delivered_packets = 0;
  uint64_t delivered_bytes = 0;
  uint64_t lost = 0;           // by chance
  uint64_t dropped_up = 0;     // by the queue of the sender's uplink
  uint64_t dropped_path = 0;   // by the path's own
  uint64_t dropped_down = 0;   // by that of the receiver's downlink
  uint64_t dropped_cut = 0;    // because the path is cut
  uint64_t dropped_full = 0;   // for lack of memory

  uint64_t queue_drops() const { return dropped_up + dropped_path + dropped_down + dropped_full; }
};

class EmulatedNetwork {
 public:
  struct Delivery {
    unsigned to = 0;
    Nanoseconds due{0};
    Frame frame;
  };

  // `settings` with queues chosen. With `reorder` each packet has a jitter of its own.
  EmulatedNetwork(const NetworkSettings& settings, uint64_t seed, bool reorder,
                  uint64_t bytes_in_flight_max = kBytesInFlightMax);

  // A frame that `from` sends now; frames for nobody are ignored. Time never goes back.
  void accept(unsigned from, std::span<const uint8_t> frame, Nanoseconds now);

  // When to call take_due() next; nothing while nothing is on its way.
  std::optional<Nanoseconds> next_deadline() const;
  // The next frame that has arrived by now. Call it until there is none.
  std::optional<Delivery> take_due(Nanoseconds now);

  // Of the paths between different nodes that are not cut.
  Nanoseconds least_delay() const;
  unsigned nodes() const { return nodes_; }
  const PathCounters& counters(unsigned from, unsigned to) const {
    return paths_[from * nodes_ + to].counters;
  }

 private:
  struct Path {
    PathSettings settings;
    Limiter limiter;
    Loss loss;
    Jitter jitter;
    PathCounters counters;
  };
  struct Host {
    Limiter up;
    Limiter down;
  };
  struct InFlight {
    Frame frame;
    Burst burst;
    BurstTimes times;  // of the arrival at the receiver's downlink
    unsigned from = 0;
    unsigned to = 0;
    bool past_downlink = false;
  };
  struct Event {
    Nanoseconds at;
    uint64_t order;  // of two at the same time the older goes first
    uint32_t slot;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  static bool limited_by_hosts(unsigned from, unsigned to);
  void launch(unsigned from, unsigned to, std::span<const uint8_t> frame, const Burst& burst,
              const BurstTimes& left);
  BurstTimes delayed(Path& path, const BurstTimes& left);
  void schedule(Nanoseconds at, uint32_t slot);
  uint32_t store(InFlight flight);
  InFlight release(uint32_t slot);
  void pass_downlink(uint32_t slot);

  unsigned nodes_;
  bool reorder_;
  uint64_t bytes_in_flight_max_;
  std::vector<Path> paths_;
  std::vector<Host> hosts_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<InFlight> flights_;
  std::vector<uint32_t> free_slots_;
  uint64_t bytes_in_flight_ = 0;
  uint64_t order_ = 0;
};

}  // namespace atoll_cli
