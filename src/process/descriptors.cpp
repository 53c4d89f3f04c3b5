#include "process/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "process/fork_state.h"
#include "process/origin.h"

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

int above_standard(int descriptor) noexcept {
  if (descriptor < 0 || descriptor > STDERR_FILENO) return descriptor;
  const int above = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int saved = errno;
  ::close(descriptor);
  errno = saved;
  return above;
}

int lacks_descriptors(int count) noexcept {
  if (count == 0) return 0;
  const int descriptor = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = lacks_descriptors(count - 1);
  ::close(descriptor);
  return error;
}

StandardTaken::StandardTaken() {
  static OnePerProcess<std::mutex> mutex;
  lock_ = std::unique_lock<std::mutex>(mutex.get());
  for (;;) {
    const int descriptor = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    if (descriptor > STDERR_FILENO) {
      ::close(descriptor);
      return;
    }
    taken_[static_cast<size_t>(descriptor)] = true;
  }
}

StandardTaken::~StandardTaken() {
  for (size_t number = 0; number < taken_.size(); ++number) {
    if (taken_[number]) ::close(static_cast<int>(number));
  }
}

}  // namespace atoll_core::process
