// One line for each message and output, with names in place of peer ids.
#pragma once

#include <string>

#include "membership/peer/peer_machine.h"
#include "wire/control.h"

namespace atoll_core::scenario {

class ScenarioWorld;

std::string describe(const wire::ToCoordinator& message, const ScenarioWorld& world);
std::string describe(const wire::ToPeer& message, const ScenarioWorld& world);
std::string describe(const membership::PeerOutput& output, const ScenarioWorld& world);
std::string describe(const OpId& op);

}  // namespace atoll_core::scenario
