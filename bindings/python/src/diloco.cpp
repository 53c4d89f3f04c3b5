// The Python object `_core.Diloco`, behind atoll.Diloco.
#include <utility>

#include "src/gil.h"
#include "src/state.h"

namespace atoll_python {
namespace {

struct DilocoHandle {
  ~DilocoHandle() {
    if (!closing()) atollDilocoDestroy(diloco);
  }
  atollDiloco_t diloco = nullptr;
  uint64_t count = 0;
};

class Diloco {
 public:
  Diloco(py::handle parameters, float learning_rate, float momentum, bool nesterov, uint64_t tag) {
    const Array array(parameters, "parameters");
    require_floats(array);
    if (!array.contiguous()) refuse(atollInvalidArgument, "parameters are not contiguous");
    atollDilocoConfig_t config = ATOLL_DILOCO_CONFIG_INITIALIZER;
    config.learning_rate = learning_rate;
    config.momentum = momentum;
    config.nesterov = nesterov ? 1 : 0;
    config.tag = tag;
    handle->count = array.count();
    require(atollDilocoCreate(&handle->diloco, reinterpret_cast<const float*>(array.data()),
                              array.count(), &config));
  }
  ~Diloco() {
    if (closing()) (void)new std::shared_ptr<DilocoHandle>(std::move(handle));
  }

  static void require_floats(const Array& array) {
    if (array.element().type == atollFloat32) return;
    refuse(atollInvalidArgument, "parameters have elements of type " + name_of(array.element()) +
                                     ", not float32");
  }

  // Memory that this optimizer's parameters are put into.
  std::unique_ptr<Array> lend(py::handle parameters) const {
    auto array = plain_array(parameters, "parameters");
    require_floats(*array);
    if (array->count() != handle->count) {
      refuse(atollInvalidArgument, "parameters of shape " + array->shape_text() + " have " +
             std::to_string(array->count()) + " elements, not " + std::to_string(handle->count));
    }
    return array;
  }

  std::shared_ptr<DilocoHandle> handle = std::make_shared<DilocoHandle>();
};

float* floats(const Array& array) { return reinterpret_cast<float*>(array.data()); }

// The array goes with the GIL, when the call is settled.
CallPointer make_call(Diloco& diloco, const Comm& comm, py::handle parameters, float*& data) {
  const CallPointer call = comm.make_call();
  std::shared_ptr<Array> array = diloco.lend(parameters);
  data = floats(*array);
  call->kept.push_back(diloco.handle);
  call->kept.push_back(std::move(array));
  return call;
}

py::object sync_outer(Diloco& diloco, const Comm& comm, py::handle parameters, bool wait) {
  float* data = nullptr;
  const CallPointer call = make_call(diloco, comm, parameters, data);
  call->results.sync = std::make_unique<atollSyncInfo_t>(
      atollSyncInfo_t ATOLL_SYNC_INFO_INITIALIZER);
  const atollDiloco_t one = diloco.handle->diloco;
  call->start([&](atollRequest_t* request) {
    return atollDilocoSyncAsync(one, comm.get(), data, call->results.sync.get(), request);
  });
  return waited_or_work(call, wait);
}

py::object step(Diloco& diloco, const Comm& comm, py::handle parameters, bool wait) {
  float* data = nullptr;
  const CallPointer call = make_call(diloco, comm, parameters, data);
  call->results.diloco = std::make_unique<atollDilocoInfo_t>(
      atollDilocoInfo_t ATOLL_DILOCO_INFO_INITIALIZER);
  const atollDiloco_t one = diloco.handle->diloco;
  call->start([&](atollRequest_t* request) {
    return atollDilocoStepAsync(one, comm.get(), data, call->results.diloco.get(), request);
  });
  return waited_or_work(call, wait);
}

uint64_t round_of(Diloco& diloco) {
  uint64_t round = 0;
  const auto handle = diloco.handle;
  require(without_gil([&] {
    return outcome_of(atollDilocoGetOuter(handle->diloco, nullptr, &round));
  }));
  return round;
}

void outer(Diloco& diloco, py::handle out) {
  const auto array = diloco.lend(out);
  const auto handle = diloco.handle;
  require(without_gil([&] {
    return outcome_of(atollDilocoGetOuter(handle->diloco, floats(*array), nullptr));
  }));
}

}  // namespace

void bind_diloco(py::module_& module) {
  const py::arg comm("comm"), parameters("parameters"), wait("wait");
  py::class_<Diloco>(module, "Diloco", "An outer optimizer. See atoll.Diloco.")
      .def(py::init<py::handle, float, float, bool, uint64_t>(), parameters,
           py::arg("learning_rate"), py::arg("momentum"), py::arg("nesterov"), py::arg("tag"))
      .def("sync", &sync_outer, comm, parameters, wait, "atollDilocoSync")
      .def("step", &step, comm, parameters, wait, "atollDilocoStep")
      .def("outer", &outer, py::arg("out"), "atollDilocoGetOuter")
      .def("round", &round_of, "atollDilocoGetOuter");
}

}  // namespace atoll_python
