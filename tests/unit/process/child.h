// What is true in a forked child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace atoll_core::process {

// Whether `condition` holds in a child of this process. A child that hangs says no.
template <class Condition>
bool in_child(Condition&& condition) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(condition() ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace atoll_core::process
