#include "capi/collective_call.h"
#include "capi/guard.h"
#include "peer/network_measurement.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::Result;

atollResult_t atollOptimizeTopology(atollComm_t comm, const atollOpOptions_t* options) {
  return capi::guard([&]() -> Result<void> {
    const auto session = capi::session_of(comm, "atollOptimizeTopology");
    if (!session) return tl::unexpected(session.error());
    const auto given = capi::call_options(options, "atollOptimizeTopology");
    if (!given) return tl::unexpected(given.error());
    const peer::View view = capi::last_view(*comm);
    if (view.slots.empty()) {
      return atoll_core::fail(atoll_core::ErrorCode::kNotConnected,
                              "atollOptimizeTopology: this peer is in no view: call atollUpdate "
                              "first");
    }
    return peer::NetworkMeasurement(**session, view, *given).run();
  });
}
