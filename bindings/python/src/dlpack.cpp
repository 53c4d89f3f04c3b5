// DLPack (github.com/dmlc/dlpack, version 0.8 and the unversioned form of later ones): the struct
// in the capsule that `__dlpack__` returns.
#include <cstdint>

#include "src/array.h"
#include "src/element_names.h"

namespace atoll_python {
namespace {

struct DlTensor {
  void* data;
  int32_t device_type;
  int32_t device_id;
  int32_t ndim;
  uint8_t type_code;
  uint8_t type_bits;
  uint16_t type_lanes;
  int64_t* shape;
  int64_t* strides;  // in elements; null: C order
  uint64_t byte_offset;
};

struct DlManagedTensor {
  DlTensor tensor;
  void* manager_context;
  void (*deleter)(DlManagedTensor* self);
};

constexpr int32_t kCpu = 1;

void delete_tensor(PyObject* capsule) {
  auto* managed = static_cast<DlManagedTensor*>(PyCapsule_GetPointer(capsule, "used_dltensor"));
  if (managed != nullptr && managed->deleter != nullptr) managed->deleter(managed);
}

}  // namespace

Memory memory_of_dlpack(const py::capsule& capsule) {
  auto* managed =
      static_cast<DlManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (managed == nullptr) throw py::error_already_set();
  const DlTensor& tensor = managed->tensor;
  if (tensor.device_type != kCpu) {
    throw py::type_error("the DLPack tensor is on device type " +
                         std::to_string(tensor.device_type) +
                         ", not in the memory of the CPU: copy it there");
  }
  const auto element = element_of_dlpack(tensor.type_code, tensor.type_bits, tensor.type_lanes);
  if (!element) {
    throw py::type_error("the DLPack tensor has elements of type code " +
                         std::to_string(tensor.type_code) + " and " +
                         std::to_string(tensor.type_bits) + " bits, which Atoll does not have");
  }
  Memory memory;
  memory.address = reinterpret_cast<uintptr_t>(tensor.data) + tensor.byte_offset;
  memory.element = *element;
  py::ssize_t stride = element->bytes;
  memory.shape.assign(tensor.shape, tensor.shape + tensor.ndim);
  memory.strides.resize(memory.shape.size());
  for (size_t i = memory.shape.size(); i-- > 0;) {
    memory.strides[i] = tensor.strides != nullptr ? tensor.strides[i] * element->bytes : stride;
    stride *= memory.shape[i];
  }
  // From here on the tensor goes with the capsule, and its deleter is ours to call.
  if (PyCapsule_SetName(capsule.ptr(), "used_dltensor") != 0 ||
      PyCapsule_SetDestructor(capsule.ptr(), delete_tensor) != 0) {
    throw py::error_already_set();
  }
  memory.owner = capsule;
  return memory;
}

}  // namespace atoll_python
