// atoll._core: what the Python package needs of the C API. Whoever uses the package has no need of
// it: names and arguments may change.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "atoll/atoll.h"
#include "src/coordinator.h"
#include "src/gil.h"
#include "src/notifier.h"
#include "src/results.h"
#include "src/state.h"

namespace py = pybind11;

namespace {

void bind_memory(py::module_& module) {
  using atoll_python::Memory;
  py::class_<Memory>(module, "Memory", "Where an array without a buffer lies.")
      .def(py::init(&atoll_python::make_memory), py::arg("address"), py::arg("type"),
           py::arg("shape"), py::arg("strides"), py::arg("read_only"), py::arg("owner"),
           "Strides are in bytes.");
  module.def("memory_of_dlpack", &atoll_python::memory_of_dlpack, py::arg("capsule"),
             "Of a capsule that __dlpack__() has returned; uses it up.");
}

std::string version() {
  int number = 0;
  atollGetVersion(&number);
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

void set_hooks(const py::object& make_error, const py::object& describe,
               const py::object& peer_id) {
  atoll_python::hooks() = {make_error, describe, peer_id};
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.doc() = "The C half of the package atoll.";
  bind_memory(module);
  atoll_python::bind_results(module);
  atoll_python::bind_notifier(module);
  atoll_python::bind_work(module);
  atoll_python::bind_comm(module);
  atoll_python::bind_state(module);
  atoll_python::bind_diloco(module);
  atoll_python::bind_coordinator(module);
  module.def("version", &version, "Of the library that is linked.");
  module.def("set_hooks", &set_hooks, py::arg("make_error"), py::arg("describe"),
             py::arg("peer_id"));
  module.def("begin_closing", &atoll_python::begin_closing,
             "At the end of the interpreter: from now on other threads do not come back from "
             "waits.");
}
