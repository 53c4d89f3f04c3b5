// The state of a communicator as JSON, for people and scripts that look into a run that hangs.
#pragma once

#include <optional>
#include <string>

#include "engine/report.h"
#include "peer/session.h"

namespace atoll_core::peer {

using engine::EngineReport;

// How long to wait for an I/O thread that may be stuck.
inline constexpr Duration kReportPatience = std::chrono::seconds(1);

// `session`: null when the communicator is not connected; then `last`, if any, is how its last
// session ended. Waits at most kReportPatience.
std::string state_json(const SessionConfig& config, const Session* session,
                       const std::optional<EngineReport>& last);

}  // namespace atoll_core::peer
