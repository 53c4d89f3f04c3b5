// What is true of every view, whoever tells of it: a member in its Register, the coordinator in the
// way to the next view. Decoders and whoever puts a view together from parts refuse what is not
// one, so that those who get a view need not look at it again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/control.h"

namespace atoll_core::wire {

// Each says what is wrong, to follow a name: "names island-3 twice". Nothing: it may be one.
//
// It has members; ids, sessions and places (replica and shard) are each unique; replicas are whole,
// and their shards stand together; each member has its slot, in the order of the view; the
// generation is not later than the epoch, and has lost nobody when it begins.
std::optional<std::string> problem_of(const View& view);
// Its members are unique, and the attempt is not earlier than the generation.
std::optional<std::string> problem_of(const GenerationState& state);
// A generation is told of once, the oldest first; none, and no attempt, is later than the view. The
// counts can be counted on.
std::optional<std::string> problem_of(const Rejoin& rejoin);
// Who holds a view is in it, and remembers its instance.
std::optional<std::string> problem_of(const Register& hello);
// Without a base it is a view; nobody is added or removed twice.
std::optional<std::string> problem_of(const ViewDelta& delta);
// Somebody is named twice.
std::optional<std::string> problem_of(const Roster& roster);

// A life, or a count in it, from which can be counted on.
bool can_be_counted_on(const Incarnation& life);
bool can_be_counted_on(const Epoch& epoch);

}  // namespace atoll_core::wire
