// What the user asked `atoll wanlab` to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/atoll/wanlab/settings.h"

namespace atoll_cli {

struct WanlabOptions {
  unsigned peers = 2;
  PathSettings path;  // of each pair, before the matrix
  HostSettings host;  // of each peer, before the matrix
  std::string congestion;
  std::string matrix;  // a file
  uint64_t seed = 0;
  bool reorder = false;
  unsigned mtu = 1500;
  bool coordinator = true;
  unsigned coordinator_at = 0;  // in this peer's namespace; 0: in one of its own
  unsigned min_replicas = 0;  // 0: as many as peers
  Nanoseconds timeout{0};     // 0: none
  std::string log_dir;
  std::string json;  // a file
  bool check = false;
  std::vector<std::string> command;
};

int run_wanlab(const WanlabOptions& options);

}  // namespace atoll_cli
