#include <memory>

#include "base/endpoint.h"
#include "base/ids.h"
#include "base/text.h"
#include "capi/argument_rules.h"
#include "capi/guard.h"
#include "coordinator/service.h"

namespace capi = atoll_core::capi;
namespace coordinator = atoll_core::coordinator;
using atoll_core::ErrorCode;
using atoll_core::Result;

struct atollCoordinator : capi::Handle {
  std::unique_ptr<coordinator::Service> service;
  std::string address;
};

atollResult_t atollCoordinatorCreate(atollCoordinator_t* handle,
                                     const atollCoordinatorConfig_t* config) {
  return capi::guard([&]() -> Result<void> {
    static const char* const kFunction = "atollCoordinatorCreate";
    ATOLL_TRY(capi::require(handle, kFunction, "coordinator"));
    *handle = nullptr;
    const atollCoordinatorConfig_t defaults = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
    auto given = capi::sized_copy(config, defaults, kFunction, "config");
    if (!given) return tl::unexpected(given.error());
    coordinator::ServiceConfig service;
    if (given->listen != nullptr) {
      auto endpoint = atoll_core::parse_endpoint(given->listen);
      if (!endpoint) {
        return atoll_core::fail(ErrorCode::kInvalidArgument, "{}: 'listen': {}", kFunction,
                                endpoint.error().message);
      }
      service.listen = *endpoint;
    }
    service.insecure = given->insecure != 0;
    if (given->run != nullptr) service.run = given->run;
    ATOLL_TRY(capi::require_none(atoll_core::problem_with_name(service.run), kFunction, "run"));
    if (given->min_replicas == 0 || given->heartbeat_ms == 0 || given->peer_timeout_ms == 0 ||
        given->rejoin_window_ms == 0) {
      return atoll_core::fail(ErrorCode::kInvalidArgument,
                              "{}: min_replicas ({}), heartbeat_ms ({}), peer_timeout_ms ({}) and "
                              "rejoin_window_ms ({}) must be greater than 0",
                              kFunction, given->min_replicas, given->heartbeat_ms,
                              given->peer_timeout_ms, given->rejoin_window_ms);
    }
    service.min_replicas = given->min_replicas;
    service.heartbeat_interval = std::chrono::milliseconds(given->heartbeat_ms);
    service.peer_timeout = std::chrono::milliseconds(given->peer_timeout_ms);
    if (given->state_dir != nullptr) service.state_dir = given->state_dir;
    service.rejoin_window = std::chrono::milliseconds(given->rejoin_window_ms);
    service.new_run = given->new_run != 0;
    service.accept_lower_revision = given->accept_lower_revision != 0;
    if (given->instance != nullptr) {
      const auto instance = atoll_core::parse_instance(given->instance);
      if (!instance) {
        return atoll_core::fail(ErrorCode::kInvalidArgument,
                                "{}: {} is not the name of an instance, which has 32 "
                                "hexadecimal digits",
                                kFunction, atoll_core::quote_text(given->instance));
      }
      service.instance = *instance;
    }
    auto created = coordinator::Service::create(std::move(service));
    if (!created) return tl::unexpected(created.error());
    auto made = std::make_unique<atollCoordinator>();
    made->service = std::move(*created);
    made->address = atoll_core::to_string(made->service->address());
    *handle = made.release();
    return {};
  });
}

atollResult_t atollCoordinatorGetAddress(atollCoordinator_t handle, const char** address) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(handle, "atollCoordinatorGetAddress", "coordinator"));
    ATOLL_TRY(capi::require(address, "atollCoordinatorGetAddress", "address"));
    *address = handle->address.c_str();
    return {};
  });
}

atollResult_t atollCoordinatorRun(atollCoordinator_t handle) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(handle, "atollCoordinatorRun", "coordinator"));
    return handle->service->run();
  });
}

atollResult_t atollCoordinatorStop(atollCoordinator_t handle) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(handle, "atollCoordinatorStop", "coordinator"));
    handle->service->stop();
    return {};
  });
}

atollResult_t atollCoordinatorDestroy(atollCoordinator_t handle) {
  return capi::guard([&]() -> Result<void> {
    capi::destroy(handle);
    return {};
  });
}
