// The real engine of engine_fuzz.cpp, and what those who play its surroundings share: the choices
// that are left, what is true of the run, the time.
#pragma once

#include <map>
#include <utility>

#include "engine/engine.h"
#include "fuzz/application.h"
#include "fuzz/choices.h"
#include "fuzz/vocabulary.h"

namespace atoll_core::fuzz {

struct OneEngine {
  static constexpr size_t kPeers = 3;  // the engine's is the first

  OneEngine(const uint8_t* data, size_t size);

  CallMemory& begin_call() { return calls[++last_call]; }

  Choices choices;
  Truth truth;
  Vocabulary words{choices, truth};
  Application application{choices, truth};
  std::map<engine::CallId, CallMemory> calls;  // outlives the engine
  engine::CallId last_call = 0;
  engine::Engine engine;
  TimePoint now{std::chrono::hours(1)};
};

}  // namespace atoll_core::fuzz
