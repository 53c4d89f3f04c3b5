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
//
// The numbers 0, 1 and 2 are standard input, output and error to everybody in a process, also where
// they are closed, as daemons do: what somebody prints must not get into a connection of ours, nor
// a line of a log into a file. So the library keeps no descriptor there.
#pragma once

#include <array>
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

// The same file under a number above 2, with close-on-exec; the other number is closed. -1 with
// errno: there is none; then both are.
int above_standard(int descriptor) noexcept;

// While it lives nothing that is opened becomes 0, 1 or 2: for libraries that open something
// themselves. libuv even aborts when it closes a descriptor with such a number. One at a time in
// the process; who needs a ForkPause too takes it second, or two threads wait for each other.
class StandardTaken {
 public:
  StandardTaken();
  ~StandardTaken();
  StandardTaken(const StandardTaken&) = delete;
  StandardTaken& operator=(const StandardTaken&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;  // one at a time: each closes what it has taken
  std::array<bool, 3> taken_{};
};

// 0: there is room for so many more. Else the error at the first for which there is none.
int lacks_descriptors(int count) noexcept;

// Calls `open`, which returns a descriptor or -1 with errno, and notes what it has opened.
template <class Open>
int open_noted(Open&& open) {
  ForkPause pause;
  const int descriptor = above_standard(open());
  pause.note(descriptor);
  return descriptor;
}

}  // namespace atoll_core::process
