#include "src/errors.h"

namespace atoll_python {

Outcome outcome_of(atollResult_t result) {
  if (result == atollSuccess || result == atollInProgress) return {result, {}};
  const std::string sentence = atollGetLastError();
  return {result, sentence.empty() ? atollGetErrorString(result) : sentence};
}

void require(const Outcome& outcome) {
  if (!outcome.good()) refuse(outcome.result, outcome.sentence);
}

void refuse(atollResult_t result, const std::string& sentence) {
  const py::object error = hooks().make_error(static_cast<int>(result), sentence);
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

Hooks& hooks() {
  // Never freed: objects that outlive the interpreter may still ask.
  static Hooks* const all = new Hooks;
  return *all;
}

}  // namespace atoll_python
