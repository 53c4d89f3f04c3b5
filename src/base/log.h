// Logging through spdlog. Machines do not log: they return sentences; shells log them.
// The level comes from ATOLL_LOG (trace, debug, info, warn, error, off; default warn).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace atoll_core {

// Level numbers are those of spdlog: 0 trace … 4 error.
using LogCallback = std::function<void(int level, std::string_view message)>;

// A logger named `name` that writes to stderr, or to `callback` when one is given.
std::shared_ptr<spdlog::logger> make_logger(const std::string& name, LogCallback callback = {});

}  // namespace atoll_core
