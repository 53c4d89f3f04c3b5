// Logging through spdlog. Machines do not log: they return sentences; shells log them.
// The level comes from ATOLL_LOG (trace, debug, info, warn, error, off; default warn).
//
// Who logs never waits, neither for standard error nor for a callback (process/log_writer.h), and
// what repeats is limited (process/repeat_limiter.h) unless the level is debug or trace.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace atoll_core::process {

// Level numbers are those of spdlog: 0 trace … 4 error. Called on a thread of its own, one line at
// a time.
using LogCallback = std::function<void(int level, std::string_view message)>;

// A logger named `name` that writes to stderr, or to `callback` when one is given. When it goes, so
// does what a callback has not taken within a moment; the callback is not under way then.
std::shared_ptr<spdlog::logger> make_logger(const std::string& name, LogCallback callback = {});

// Lines of this process that standard error has not taken yet.
size_t stderr_lines_waiting();

}  // namespace atoll_core::process
