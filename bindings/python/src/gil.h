// Waiting beside the interpreter: the GIL is let go for it, and taken again afterwards.
//
// Taking it again is where things go wrong elsewhere. Once the interpreter ends, CPython up to 3.13
// ends a daemon thread that asks for the GIL, by pthread_exit, which unwinds its C++ frames and so
// ends the process ("terminate called", exit code 134). So a thread that comes back from a wait
// while the interpreter ends does not ask: it sleeps for ever, as CPython 3.14 lets it.
#pragma once

#include <pybind11/pybind11.h>

namespace atoll_python {

namespace py = pybind11;

// A handler of atexit, which the module registers when it is imported. From then on only the thread
// that runs it comes back from waits; those that are about to are let through first.
void begin_closing();
bool closing();

// The process in which an object was made. In a forked child it is a picture of the parent's, whose
// threads are not there and whose locks may be held by one of them.
class Origin {
 public:
  Origin();
  bool is_here() const;

 private:
  unsigned forks_;
};

PyThreadState* let_go();
void take_again(PyThreadState* state);

// Runs `body`, which must not throw and must not touch Python, without the GIL.
template <class Body>
auto without_gil(Body&& body) {
  PyThreadState* const state = let_go();
  const auto result = body();
  take_again(state);
  return result;
}

// For a thread of the library that calls back. False: the interpreter ends, and there is nobody to
// call. After true, leave_callback().
bool enter_callback(PyGILState_STATE& state);
void leave_callback(PyGILState_STATE state);

// On the main thread, runs the handlers of signals that have come; throws what they raise.
// False: this is another thread, to which no signal comes.
bool handle_signals();

}  // namespace atoll_python
