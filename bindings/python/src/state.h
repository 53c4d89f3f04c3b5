// The Python object `_core.State`, behind atoll.SharedState.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/comm.h"

namespace atoll_python {

// atollState_t and the arrays in it. Kept by the calls that use it.
struct StateHandle {
  StateHandle();
  ~StateHandle();
  StateHandle(const StateHandle&) = delete;
  StateHandle& operator=(const StateHandle&) = delete;

  atollState_t state = nullptr;
  std::vector<std::unique_ptr<Array>> arrays;
};

// Plain writable memory, in place; throws where it is none.
std::unique_ptr<Array> plain_array(py::handle object, const std::string& what);

void bind_state(py::module_& module);
void bind_diloco(py::module_& module);

}  // namespace atoll_python
