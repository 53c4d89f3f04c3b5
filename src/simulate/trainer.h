// One program that trains: who it is, which life it leads, its state and its open calls.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulate/call_record.h"
#include "state/publication.h"
#include "state/state_table.h"

namespace atoll_core::simulate {

// The memory of a shared state with its table.
class TrainerState {
 public:
  explicit TrainerState(uint64_t salt);

  // What every replica does alike in a step; `wrong`: with a mistake in it.
  void step(Random& random, bool wrong);
  // Its process was started again: what a run has committed is to it a file like any other.
  void forget_run() { table_.note_committed({}); }
  // After a failed sync has left nothing whole.
  void start_again();

  StateContent content() const;
  state::StateTable& table() { return table_; }
  const std::shared_ptr<state::Publication>& publication() { return publication_; }
  const state::StateTable& table() const { return table_; }

 private:
  std::vector<std::vector<float>> memory_;
  state::StateTable table_;
  std::shared_ptr<state::Publication> publication_ = std::make_shared<state::Publication>(table_);
};

struct Trainer {
  Identity identity;
  ProcessId process = 0;
  std::unique_ptr<TrainerState> state;
  wire::RunMemory memory;    // of its communicator, from session to session
  bool running = false;      // its process lives
  bool away = false;         // it has left of its own will, or crashed, and is not to come back yet
  bool follows = true;       // the members' state, before it is let in
  bool member = false;
  bool synced = false;       // was part of a committed sync since its admission
  Generation generation;     // of its position
  wire::View view;           // of its last update
  uint64_t position = 0;
  uint64_t in_flight = 0;    // what must end before the next position
  uint64_t lives = 0;
  uint64_t progress = 0;     // positions that it has passed, in all lives
  std::map<uint64_t, CallRecord> calls;  // open ones, by number
  // The next sequence of each group and tag in this generation, as its own count.
  std::map<std::pair<Group, uint64_t>, uint64_t> sequences;
  std::map<std::string, uint64_t> sends;  // the same, of sends from one to one
};

}  // namespace atoll_core::simulate
