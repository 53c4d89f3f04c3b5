// Through it, threads that may outlive a loop hand it something to do.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "transport/asio_headers.h"

namespace atoll_core::transport {

class LoopDoor {
 public:
  explicit LoopDoor(asio::io_context& context) : context_(&context) {}

  // Any thread. Dropped when the loop has gone.
  void post(std::function<void()> task) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (context_ != nullptr) asio::post(*context_, std::move(task));
  }
  // The loop is about to go. On return nobody touches it any more.
  void shut() {
    const std::lock_guard<std::mutex> lock(mutex_);
    context_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* context_;
};

}  // namespace atoll_core::transport
