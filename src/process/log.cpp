#include "process/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "process/log_writer.h"
#include "process/origin.h"
#include "process/repeat_limiter.h"

namespace atoll_core::process {
namespace {

constexpr const char* kPattern = "%Y-%m-%d %H:%M:%S.%e [%n] %l: %v";

TimePoint steady_now() {
  return TimePoint(std::chrono::duration_cast<Duration>(
      std::chrono::steady_clock::now().time_since_epoch()));
}

// ---- standard error ----------------------------------------------------------------------------

// Not by way of stdio: its lock may be held by a thread of the program that stands in a write.
void write_to_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {  // somebody has made it so; that is for him to decide
      pollfd ready{STDERR_FILENO, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

std::string formatted(const std::string& name, int level, std::string_view text) {
  spdlog::pattern_formatter formatter(kPattern);
  const spdlog::details::log_msg message(name, static_cast<spdlog::level::level_enum>(level), text);
  spdlog::memory_buf_t line;
  formatter.format(message, line);
  return {line.data(), line.size()};
}

void write_line(const LogLine& line) {
  if (line.left_out == 0) return write_to_stderr(line.text);
  write_to_stderr(formatted("atoll", spdlog::level::warn,
                            fmt::format("{} lines are left out here: standard error did not take "
                                        "them in time",
                                        line.left_out)));
}

// One for all of a process, so that lines come in order; never destroyed, since at the end of the
// process its thread may stand in a write. A forked child has its own: the thread is not in it.
class StderrWriter {
 public:
  static LogWriter& get() { return *all().get().writer; }

 private:
  struct Made {
    LogWriter* writer = new LogWriter(write_line);
  };
  static OnePerProcess<Made>& all() {
    static auto* const made = new OnePerProcess<Made>;
    return *made;
  }
};

// When the process ends by exit(): what was logged just before is still read by those who read.
[[gnu::destructor]] void say_farewell() { StderrWriter::get().drain(LogWriter::kFarewell); }

// ---- sinks
// ---------------------------------------------------------------------------------------

// Limits what repeats, in front of a writer.
class LimitedSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  virtual void pass_on(const spdlog::details::log_msg& message) = 0;
  void tell_last_reports() { tell(limiter_.take_last_reports()); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    name_ = std::string(message.logger_name.data(), message.logger_name.size());
    const std::string_view text(message.payload.data(), message.payload.size());
    const TimePoint now = steady_now();
    const bool passes = level() <= spdlog::level::debug || limiter_.passes(now, text);
    tell(limiter_.take_reports(now));
    if (passes) pass_on(message);
  }
  void tell(const std::vector<std::string>& reports) {
    for (const std::string& report : reports) {
      pass_on(spdlog::details::log_msg(name_, spdlog::level::warn, report));
    }
  }

  RepeatLimiter limiter_;
  std::string name_;
};

class CallbackSink final : public LimitedSink {
 public:
  explicit CallbackSink(LogCallback callback)
      : writer_([callback = std::move(callback)](const LogLine& line) {
          if (line.left_out == 0) return callback(line.level, line.text);
          callback(spdlog::level::warn,
                   fmt::format("{} lines are left out here: the log callback did not take them in "
                               "time",
                               line.left_out));
        }) {}
  ~CallbackSink() override { tell_last_reports(); }

 private:
  void pass_on(const spdlog::details::log_msg& message) override {
    const int level = std::min<int>(message.level, spdlog::level::err);
    writer_.add({level, {message.payload.data(), message.payload.size()}});
  }
  void flush_() override { writer_.drain(LogWriter::kFarewell); }

  LogWriter writer_;
};

class StderrSink final : public LimitedSink {
 public:
  ~StderrSink() override { tell_last_reports(); }

 private:
  void pass_on(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    StderrWriter::get().add({message.level, {line.data(), line.size()}});
  }
  void flush_() override { StderrWriter::get().drain(LogWriter::kFarewell); }
};

spdlog::level::level_enum level_from_environment() {
  const char* text = std::getenv("ATOLL_LOG");
  if (text == nullptr) return spdlog::level::warn;
  const auto level = spdlog::level::from_str(text);
  // from_str answers "off" for what it does not know; a typo must not silence warnings.
  if (level == spdlog::level::off && std::string_view(text) != "off") return spdlog::level::warn;
  return level;
}

}  // namespace

std::shared_ptr<spdlog::logger> make_logger(const std::string& name, LogCallback callback) {
  spdlog::sink_ptr sink;
  if (callback) {
    sink = std::make_shared<CallbackSink>(std::move(callback));
  } else {
    sink = std::make_shared<StderrSink>();
  }
  const auto level = level_from_environment();
  sink->set_level(level);
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_level(level);
  logger->set_pattern(kPattern);
  // spdlog's own writes to standard error.
  logger->set_error_handler([](const std::string&) {});
  return logger;
}

size_t stderr_lines_waiting() { return StderrWriter::get().waiting(); }

}  // namespace atoll_core::process
