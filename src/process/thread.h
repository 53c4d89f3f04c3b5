// The library's own threads in somebody's process. Their names begin with "atoll", so that ps -T,
// top and gdb tell whose they are; and they take no signal: those are the program's, whose handlers
// would run on threads that it does not know, and interrupt what must not wait.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "base/error.h"

namespace atoll_core::process {

// While it lives the calling thread, and each one that it starts, takes no signal.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// `name` has at most 15 bytes. kSystemError: who lacks what.
Result<std::thread> start_thread(const char* name, std::function<void()> body);

}  // namespace atoll_core::process
