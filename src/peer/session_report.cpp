// A look at the engine from another thread.
#include <condition_variable>
#include <exception>
#include <memory>

#include "peer/session.h"

namespace atoll_core::peer {
namespace {

// Shared with the I/O thread, which may answer after nobody waits any more.
struct Answer {
  std::mutex mutex;
  std::condition_variable come;
  std::optional<engine::EngineReport> report;
};

}  // namespace

std::optional<engine::EngineReport> Session::report(Duration limit) const {
  if (!io_ended_) {
    const auto answer = std::make_shared<Answer>();
    post([this, answer] {
      std::optional<engine::EngineReport> report;
      try {
        report = engine_->report(transport::Network::now());
      } catch (const std::exception& exception) {
        config_.logger->error("no state can be told: {}", exception.what());
      }
      const std::lock_guard<std::mutex> lock(answer->mutex);
      answer->report = std::move(report);
      answer->come.notify_all();
    });
    std::unique_lock<std::mutex> lock(answer->mutex);
    answer->come.wait_for(lock, limit, [&] { return answer->report || io_ended_; });
    if (answer->report) return std::move(answer->report);
  }
  // The thread has ended, and nothing changes the engine any more.
  if (io_ended_) return engine_->report(transport::Network::now());
  return std::nullopt;
}

}  // namespace atoll_core::peer
