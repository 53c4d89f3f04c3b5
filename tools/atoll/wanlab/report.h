// What a lab says about itself at its end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/atoll/wanlab/emulator.h"
#include "tools/atoll/wanlab/options.h"

namespace atoll_cli {

struct WanlabReport {
  double seconds = 0;                          // while commands ran
  std::vector<std::optional<int>> exits;       // by peer: the status as of waitpid
  std::vector<int64_t> unread_drops;           // by node
  bool passed = false;                         // all commands exited with 0
};

std::string wanlab_table(const WanlabReport& report, const Emulator& emulator);
std::string wanlab_json(const WanlabReport& report, const WanlabOptions& options,
                        const NetworkSettings& settings, const Emulator& emulator);

}  // namespace atoll_cli
