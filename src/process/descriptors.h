// The descriptors of the library that a forked child must not keep. A socket is closed for the
// other side only when every process that holds it has closed it: a data loader that was forked
// from a trainer would hide the trainer's death, hold its port, and keep its state directory
// locked. So a handler of pthread_atfork closes them in the child, by close() alone: what shuts a
// connection down, or takes a descriptor out of an epoll, does so for the parent too. A child that
// executes another program is rid of them by close-on-exec, with which all of them are opened.
//
// A note is a descriptor's number and what it then stood for, its inode. Sockets and pipes have an
// inode each, so theirs may be closed without a word: when the number stands for something else the
// child leaves it alone. Files, and what epoll_create1, eventfd and timerfd_create open, share
// inodes; their notes have to be taken back before they are closed.
#pragma once

#include <mutex>

namespace atoll_core::process {

// While it lives no fork of this process begins, so that none comes between the opening of a
// descriptor and the note of it. What is done meanwhile must be short and wait for nothing; forks
// wait for it. One at a time in a thread.
class ForkPause {
 public:
  ForkPause();

  // Without memory for the note a child keeps the descriptor. Does nothing below 0; keeps errno.
  void note(int descriptor) noexcept;
  void take_back(int descriptor) noexcept;

 private:
  std::unique_lock<std::mutex> lock_;
};

// Calls `open`, which returns a descriptor or -1 with errno, and notes what it has opened.
template <class Open>
int open_noted(Open&& open) {
  ForkPause pause;
  const int descriptor = open();
  pause.note(descriptor);
  return descriptor;
}

}  // namespace atoll_core::process
