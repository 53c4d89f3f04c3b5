#include "src/gil.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

namespace atoll_python {
namespace {

std::atomic<bool> is_closing{false};
std::atomic<pthread_t> closing_thread{};
// Threads that have seen that it is not closing, and do not have the GIL yet.
std::atomic<int> coming_back{0};
std::atomic<unsigned> forks{0};
unsigned long main_thread = 0;

// The other threads, and what they had counted, are not there.
void in_forked_child() {
  ++forks;
  coming_back = 0;
}

[[noreturn]] void sleep_for_ever() {
  for (;;) pause();
}

// False: it is closing, and this is not the thread that closes.
bool announce_return() {
  ++coming_back;
  if (!is_closing || pthread_equal(closing_thread, pthread_self())) return true;
  --coming_back;
  return false;
}

const int atfork_registered = pthread_atfork(nullptr, nullptr, in_forked_child);

}  // namespace

void begin_closing() {
  closing_thread = pthread_self();
  is_closing = true;
  while (coming_back > 0) {
    PyThreadState* const state = PyEval_SaveThread();
    usleep(100);
    PyEval_RestoreThread(state);
  }
}

bool closing() { return is_closing; }

Origin::Origin() : forks_(forks) {}

bool Origin::is_here() const { return forks_ == forks; }

PyThreadState* let_go() { return PyEval_SaveThread(); }

void take_again(PyThreadState* state) {
  if (!announce_return()) sleep_for_ever();
  PyEval_RestoreThread(state);
  --coming_back;
}

bool enter_callback(PyGILState_STATE& state) {
  if (!announce_return()) return false;
  state = PyGILState_Ensure();
  --coming_back;
  return true;
}

void leave_callback(PyGILState_STATE state) { PyGILState_Release(state); }

bool handle_signals() {
  if (main_thread == 0) {
    const py::object threading = py::module_::import("threading");
    main_thread = threading.attr("main_thread")().attr("ident").cast<unsigned long>();
  }
  if (PyThread_get_thread_ident() != main_thread) return false;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  return true;
}

}  // namespace atoll_python
