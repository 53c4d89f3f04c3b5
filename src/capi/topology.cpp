#include "capi/collective_call.h"
#include "capi/guard.h"
#include "capi/request.h"
#include "peer/network_measurement.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::Result;

namespace atoll_core::capi {
namespace {

// The session that is measured outlives what measures it.
struct Measurement {
  std::shared_ptr<peer::Session> session;
  peer::NetworkMeasurement network;
};

Result<std::shared_ptr<Measurement>> measurement_of(atollComm_t comm,
                                                    const atollOpOptions_t* options,
                                                    const char* function) {
  const auto session = session_of(comm, function);
  if (!session) return tl::unexpected(session.error());
  const auto given = call_options(options, function);
  if (!given) return tl::unexpected(given.error());
  const peer::View view = last_view(*comm);
  if (view.slots.empty()) {
    return fail(ErrorCode::kNotConnected,
                "{}: this peer is in no view: call atollUpdate first", function);
  }
  return std::shared_ptr<Measurement>(new Measurement{*session, {**session, view, *given}});
}

}  // namespace
}  // namespace atoll_core::capi

atollResult_t atollOptimizeTopology(atollComm_t comm, const atollOpOptions_t* options) {
  return capi::guard([&]() -> Result<void> {
    auto measurement = capi::measurement_of(comm, options, "atollOptimizeTopology");
    if (!measurement) return tl::unexpected(measurement.error());
    return (*measurement)->network.run();
  });
}

atollResult_t atollOptimizeTopologyAsync(atollComm_t comm, const atollOpOptions_t* options,
                                         atollRequest_t* request) {
  const char* const function = "atollOptimizeTopologyAsync";
  return capi::asynchronous(request, function, [&]() -> capi::Started {
    auto made = capi::measurement_of(comm, options, function);
    if (!made) return tl::unexpected(made.error());
    const auto measurement = *std::move(made);
    return capi::run_in_background(
        "atoll-optimize", [measurement] { return measurement->network.run(); },
        [measurement] { measurement->network.cancel(); },
        [](Result<peer::CallInfo> result, atollOpInfo_t*) -> Result<void> {
          ATOLL_TRY(std::move(result));
          return {};
        });
  });
}
