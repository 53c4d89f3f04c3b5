// A coordinator on a thread of the test, through the C API.
#pragma once

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "atoll/atoll.h"

namespace atoll_test {

inline atollCoordinatorConfig_t coordinator_config(uint32_t min_replicas,
                                                   uint32_t peer_timeout_ms = 5000) {
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  config.min_replicas = min_replicas;
  config.peer_timeout_ms = peer_timeout_ms;
  return config;
}

class CoordinatorThread {
 public:
  explicit CoordinatorThread(uint32_t min_replicas, uint32_t peer_timeout_ms = 5000)
      : CoordinatorThread(coordinator_config(min_replicas, peer_timeout_ms)) {}
  explicit CoordinatorThread(const atollCoordinatorConfig_t& config) {
    EXPECT_EQ(atollCoordinatorCreate(&coordinator_, &config), atollSuccess) << atollGetLastError();
    const char* address = "";
    EXPECT_EQ(atollCoordinatorGetAddress(coordinator_, &address), atollSuccess);
    address_ = address;
    thread_ = std::thread([this] {
      EXPECT_EQ(atollCoordinatorRun(coordinator_), atollSuccess) << atollGetLastError();
    });
  }
  ~CoordinatorThread() {
    EXPECT_EQ(atollCoordinatorStop(coordinator_), atollSuccess);
    thread_.join();
    EXPECT_EQ(atollCoordinatorDestroy(coordinator_), atollSuccess);
  }
  CoordinatorThread(const CoordinatorThread&) = delete;
  CoordinatorThread& operator=(const CoordinatorThread&) = delete;

  const std::string& address() const { return address_; }

 private:
  atollCoordinator_t coordinator_ = nullptr;
  std::string address_;
  std::thread thread_;
};

}  // namespace atoll_test
