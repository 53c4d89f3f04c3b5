// pthread_cancel of a thread that is inside the library. It ends a thread at its next system call
// that waits, by unwinding its stack like an exception that nobody may catch: in the middle of a
// state machine, with a lock or with the communicator's work in its hands, which others wait for,
// and below functions that let nothing through, where the C library ends the process. So a call
// puts it off, but for the places that are made for it.
#pragma once

namespace atoll_core::process {

// For the time of a call.
class CancellationShield {
 public:
  CancellationShield() noexcept;
  ~CancellationShield();
  CancellationShield(const CancellationShield&) = delete;
  CancellationShield& operator=(const CancellationShield&) = delete;

 private:
  int before_ = 0;
  bool allowed_before_ = false;
};

// While it lives a cancellation takes effect, as far as the program allows it: where the thread
// waits, and where test() is called. What is between this and the shield is unwound: it must let
// that through, and leave nothing that others wait for.
class CancellationWindow {
 public:
  CancellationWindow() noexcept;
  ~CancellationWindow();
  CancellationWindow(const CancellationWindow&) = delete;
  CancellationWindow& operator=(const CancellationWindow&) = delete;

  void test() const;
};

}  // namespace atoll_core::process
