// What calls return, as Python objects.
#pragma once

#include <pybind11/pybind11.h>

#include "src/call.h"

namespace atoll_python {

py::object to_python(Results& results);
void bind_results(py::module_& module);

}  // namespace atoll_python
