#include "process/cancellation.h"

#include <pthread.h>

namespace atoll_core::process {
namespace {

thread_local bool allowed = false;  // by the program, in the call that this thread is in

}  // namespace

CancellationShield::CancellationShield() noexcept : allowed_before_(allowed) {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
  allowed = before_ == PTHREAD_CANCEL_ENABLE;
}

CancellationShield::~CancellationShield() {
  allowed = allowed_before_;
  pthread_setcancelstate(before_, nullptr);
}

CancellationWindow::CancellationWindow() noexcept {
  if (allowed) pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
}

CancellationWindow::~CancellationWindow() {
  if (allowed) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
}

void CancellationWindow::test() const { pthread_testcancel(); }

}  // namespace atoll_core::process
