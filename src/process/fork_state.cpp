#include "process/fork_state.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>

namespace atoll_core::process {
namespace {

// Never destroyed: threads of the library may outlive static objects.
ForkState& state_itself() {
  static ForkState* const state = [] {
    auto* fresh = new ForkState;
    fresh->process = ::getpid();
    return fresh;
  }();
  return *state;
}

// Only what may be called after a fork of a process with threads.
void close_noted(std::vector<Note>& notes) {
  for (size_t number = 0; number < notes.size(); ++number) {
    Note& note = notes[number];
    if (!note.made) continue;
    note.made = false;
    struct stat now {};
    const int descriptor = static_cast<int>(number);
    if (::fstat(descriptor, &now) != 0) continue;
    if (now.st_dev == note.device && now.st_ino == note.inode) ::close(descriptor);
  }
}

void before_fork() { state_itself().mutex.lock(); }

void in_parent() { state_itself().mutex.unlock(); }

void in_child() {
  const int saved = errno;
  ForkState& state = state_itself();
  ++state.generation;
  state.process = ::getpid();
  close_noted(state.notes);
  state.mutex.unlock();
  errno = saved;
}

// When the library is loaded, and nothing of it is in use that a fork could leave halfway.
[[maybe_unused]] const ForkState& made_at_load = fork_state();

}  // namespace

ForkState& fork_state() {
  // Fails only for want of memory. Then a child keeps what it inherits, and is taken for its
  // parent.
  static const int installed = pthread_atfork(before_fork, in_parent, in_child);
  (void)installed;
  return state_itself();
}

}  // namespace atoll_core::process
