// A coordinator inside of this process.
#pragma once

#include <pybind11/pybind11.h>

namespace atoll_python {

void bind_coordinator(pybind11::module_& module);

}  // namespace atoll_python
