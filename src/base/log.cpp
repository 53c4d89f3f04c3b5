#include "base/log.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include <spdlog/sinks/base_sink.h>

namespace atoll_core {
namespace {

class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(LogCallback callback) : callback_(std::move(callback)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    callback_(static_cast<int>(message.level),
              std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

  LogCallback callback_;
};

// spdlog's own has one mutex for all of the process. A child that was forked while a thread of its
// parent logged would wait for that mutex for ever; a logger that it makes has a new one here, and
// the C library sees to the lock of stderr.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }
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
  auto logger = std::make_shared<spdlog::logger>(name, std::move(sink));
  logger->set_level(level_from_environment());
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e [%n] %l: %v");
  return logger;
}

}  // namespace atoll_core
