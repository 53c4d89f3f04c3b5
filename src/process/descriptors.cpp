#include "process/descriptors.h"

#include <cerrno>
#include <new>

#include "process/fork_state.h"

namespace atoll_core::process {

ForkPause::ForkPause() : lock_(fork_state().mutex) {}

void ForkPause::note(int descriptor) noexcept {
  const int saved = errno;
  struct stat now {};
  if (descriptor >= 0 && ::fstat(descriptor, &now) == 0) {
    std::vector<Note>& notes = fork_state().notes;
    const auto number = static_cast<size_t>(descriptor);
    try {
      if (number >= notes.size()) notes.resize(number + 1);
      notes[number] = {now.st_dev, now.st_ino, true};
    } catch (const std::bad_alloc&) {
      errno = saved;
      return;
    }
  }
  errno = saved;
}

void ForkPause::take_back(int descriptor) noexcept {
  std::vector<Note>& notes = fork_state().notes;
  const auto number = static_cast<size_t>(descriptor);
  if (descriptor >= 0 && number < notes.size()) notes[number].made = false;
}

}  // namespace atoll_core::process
