// A coordinator that runs on a thread of its own for the length of a test.
#pragma once

#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "coordinator/service.h"

namespace atoll_core::coordinator {

class RunningService {
 public:
  explicit RunningService(ServiceConfig config = {}) {
    auto created = Service::create(std::move(config));
    if (!created) throw std::runtime_error(created.error().message);
    service_ = std::move(*created);
    thread_ = std::thread([this] { result_ = service_->run(); });
  }
  ~RunningService() { stop(); }
  RunningService(const RunningService&) = delete;
  RunningService& operator=(const RunningService&) = delete;

  Endpoint address() const { return service_->address(); }

  // What run() returned.
  Result<void> stop() {
    service_->stop();
    if (thread_.joinable()) thread_.join();
    return result_;
  }

 private:
  std::unique_ptr<Service> service_;
  std::thread thread_;
  Result<void> result_;
};

}  // namespace atoll_core::coordinator
