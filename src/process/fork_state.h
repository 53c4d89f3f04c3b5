// What the handlers of fork() work on. Private to this folder.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace atoll_core::process {

struct Note {
  dev_t device = 0;
  ino_t inode = 0;
  bool made = false;
};

struct ForkState {
  std::atomic<uint64_t> generation{0};
  std::atomic<pid_t> process{0};
  std::mutex mutex;          // held across a fork; whoever has it takes no other lock
  std::vector<Note> notes;   // by the number of the descriptor
};

// The handlers are in place when it returns.
ForkState& fork_state();

}  // namespace atoll_core::process
