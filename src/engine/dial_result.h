#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "link/send_window.h"
#include "wire/hello.h"

namespace atoll_core::engine {

// How an output::Dial ended.
struct DialResult {
  link::ConnectionKey key = 0;  // 0: no connection came of it
  bool answered = false;        // by the session that was meant
  wire::Hello answer;
  uint64_t rtt_us = 0;          // the least round trip while dialling; 0: not known
  bool goes_by_rate = false;    // the connection's congestion control; else by loss
  std::string address;          // where it answered
  bool refused = false;         // wherever it may be, nobody or somebody else listens
  std::vector<std::string> refused_at;  // the addresses where that is so
  std::string reason;
};

}  // namespace atoll_core::engine
