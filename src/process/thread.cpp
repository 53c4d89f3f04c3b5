#include "process/thread.h"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "process/shortage.h"

namespace atoll_core::process {

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

Result<std::thread> start_thread(const char* name, std::function<void()> body) {
  const SignalsBlocked blocked;
  try {
    std::thread thread([name, body = std::move(body)] {
      pthread_setname_np(pthread_self(), name);
      body();
    });
    // Also from here: who looks before it first runs is to see its name, too.
    pthread_setname_np(thread.native_handle(), name);
    return thread;
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kSystemError, "no thread '{}': {}", name,
                describe_shortage_of_threads(error.code().value()));
  }
}

}  // namespace atoll_core::process
