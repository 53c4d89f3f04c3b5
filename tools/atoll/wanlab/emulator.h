// The thread that moves frames between the nodes' TUN devices as the emulated network says.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "tools/atoll/wanlab/network.h"
#include "tools/atoll/wanlab/receive_offload.h"

namespace atoll_cli {

// How well the machine kept up.
struct EmulatorCounters {
  double cpu_seconds = 0;
  uint64_t frames = 0;   // that arrived at a receiver; each is one or many packets
  uint64_t writes = 0;   // by which they were handed over: one for frames that continue each other
  uint64_t late_1ms = 0;  // of them, those handed over more than 1 ms after their time
  Nanoseconds late_sum{0};
  Nanoseconds late_max{0};
  uint64_t refused = 0;  // the receiver's kernel would not take them
};

class Emulator {
 public:
  // `tuns` by node; they stay the caller's, and open until stop().
  Emulator(EmulatedNetwork network, std::vector<int> tuns);
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  // Once; from then on, and until stop(), network() and counters() are the thread's.
  void start();
  void stop();

  const EmulatedNetwork& network() const { return network_; }
  const EmulatorCounters& counters() const { return counters_; }

 private:
  void run();
  void wait();
  bool read_from(unsigned node);  // false: there may be more
  void deliver_due();
  void write(unsigned node, std::span<const iovec> frame);

  EmulatedNetwork network_;
  EmulatorCounters counters_;
  std::vector<int> tuns_;
  std::vector<uint8_t> buffer_;
  ReceiveOffload offload_;
  Nanoseconds turn_;        // from one look at the devices to the next, while there is traffic
  Nanoseconds last_turn_{0};
  bool behind_ = false;     // the next turn begins at once
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace atoll_cli
