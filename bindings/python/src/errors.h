// Results of the library as Python exceptions.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "atoll/atoll.h"

namespace atoll_python {

namespace py = pybind11;

// A result with the sentence that explains it, read on the thread where it arose.
struct Outcome {
  atollResult_t result = atollSuccess;
  std::string sentence;

  bool good() const { return result == atollSuccess; }
};

// The outcome of a call of the library that this thread has just made.
Outcome outcome_of(atollResult_t result);

// Needs the GIL. Throws unless the outcome is good.
void require(const Outcome& outcome);
inline void require(atollResult_t result) {
  if (result != atollSuccess) require(outcome_of(result));
}
[[noreturn]] void refuse(atollResult_t result, const std::string& sentence);

// An argument as C++ has it; TypeError with its name where it is of another type.
template <class Type>
Type argument(py::handle value, const char* name) {
  try {
    return value.cast<Type>();
  } catch (py::cast_error&) {
    throw py::type_error(std::string(name) + " is " + py::repr(value).cast<std::string>() +
                         ", which is of a wrong type or too large");
  }
}

// What the Python half of the package gives to this one; see atoll/__init__.py.
struct Hooks {
  py::object make_error;  // (result, sentence) -> exception
  py::object describe;    // (array that has no buffer) -> Memory
  py::object peer_id;     // (int) -> PeerId
};
Hooks& hooks();

}  // namespace atoll_python
