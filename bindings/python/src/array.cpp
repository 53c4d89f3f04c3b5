#include "src/array.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "src/element_names.h"
#include "src/errors.h"

namespace atoll_python {
namespace {

std::string type_name(py::handle object) {
  return py::type::handle_of(object).attr("__name__").cast<std::string>();
}

struct Dimension {
  py::ssize_t size = 0;
  py::ssize_t stride = 0;
};

// Those that have more than one element, by stride, the smallest first.
std::vector<Dimension> by_stride(const Array& array) {
  std::vector<Dimension> dimensions;
  for (size_t i = 0; i < array.shape().size(); ++i) {
    if (array.shape()[i] > 1) dimensions.push_back({array.shape()[i], array.strides()[i]});
  }
  std::stable_sort(dimensions.begin(), dimensions.end(),
                   [](const Dimension& a, const Dimension& b) {
                     return std::abs(a.stride) < std::abs(b.stride);
                   });
  return dimensions;
}

// One element after the other, in C order.
template <size_t kBytes, bool kPack>
std::byte* copy_row(std::byte* at, py::ssize_t size, py::ssize_t stride, std::byte* packed) {
  for (py::ssize_t i = 0; i < size; ++i, at += stride, packed += kBytes) {
    if constexpr (kPack) std::memcpy(packed, at, kBytes);
    else std::memcpy(at, packed, kBytes);
  }
  return packed;
}

template <size_t kBytes, bool kPack>
std::byte* copy_block(const Array& array, size_t dimension, std::byte* at, std::byte* packed) {
  const py::ssize_t size = array.shape()[dimension], stride = array.strides()[dimension];
  if (dimension + 1 == array.shape().size()) {
    return copy_row<kBytes, kPack>(at, size, stride, packed);
  }
  for (py::ssize_t i = 0; i < size; ++i, at += stride) {
    packed = copy_block<kBytes, kPack>(array, dimension + 1, at, packed);
  }
  return packed;
}

template <bool kPack>
void copy(const Array& array, std::byte* packed) {
  if (array.count() == 0) return;
  if (array.contiguous()) {
    if constexpr (kPack) std::memcpy(packed, array.data(), array.bytes());
    else std::memcpy(array.data(), packed, array.bytes());
    return;
  }
  switch (array.element().bytes) {
    case 1: copy_block<1, kPack>(array, 0, array.data(), packed); break;
    case 2: copy_block<2, kPack>(array, 0, array.data(), packed); break;
    case 4: copy_block<4, kPack>(array, 0, array.data(), packed); break;
    default: copy_block<8, kPack>(array, 0, array.data(), packed); break;
  }
}

}  // namespace

Memory make_memory(uintptr_t address, const std::string& type, std::vector<py::ssize_t> shape,
                   std::vector<py::ssize_t> strides, bool read_only, py::object owner) {
  const auto element = element_named(type);
  if (!element) {
    throw py::type_error("elements of type " + type + " cannot be sent: Atoll has int8 to int64, "
                         "uint8 to uint64, float16, bfloat16, float32, float64 and bool" +
                         (type.rfind("complex", 0) == 0
                              ? "; give it a view of the complex numbers as pairs of floats" : ""));
  }
  return {address, *element, std::move(shape), std::move(strides), read_only, std::move(owner)};
}

Array::Array(py::handle object, const std::string& what) {
  if (PyObject_CheckBuffer(object.ptr()) != 0 &&
      PyObject_GetBuffer(object.ptr(), &view_, PyBUF_RECORDS_RO) == 0) {
    has_view_ = true;
    try {
      take_buffer(what);
    } catch (...) {
      PyBuffer_Release(&view_);
      throw;
    }
  } else {
    PyErr_Clear();
    memory_ = py::isinstance<Memory>(object) ? py::reinterpret_borrow<py::object>(object)
                                             : hooks().describe(object, what);
    take(memory_.cast<const Memory&>());
  }
  find_out_more();
}

Array::~Array() {
  if (has_view_) PyBuffer_Release(&view_);
}

void Array::take(const Memory& memory) {
  data_ = reinterpret_cast<std::byte*>(memory.address);
  element_ = memory.element;
  shape_ = memory.shape;
  strides_ = memory.strides;
  read_only_ = memory.read_only;
}

void Array::take_buffer(const std::string& what) {
  const auto element = element_of_format(view_.format, view_.itemsize);
  if (!element) {
    throw py::type_error(what + ": elements of " + type_name(view_.obj) + " with the format '" +
                         (view_.format != nullptr ? view_.format : "") +
                         "' cannot be sent: Atoll has int8 to int64, uint8 to uint64, float16, "
                         "bfloat16, float32, float64 and bool, all little-endian; give it a view "
                         "of complex numbers as pairs of floats");
  }
  data_ = static_cast<std::byte*>(view_.buf);
  element_ = *element;
  const auto dimensions = static_cast<size_t>(view_.ndim);
  shape_ = {view_.shape, dimensions};
  strides_ = {view_.strides, dimensions};
  read_only_ = view_.readonly != 0;
}

void Array::find_out_more() {
  py::ssize_t stride = element_.bytes;
  for (size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != stride) contiguous_ = false;
    stride *= shape_[i];
    count_ *= static_cast<uint64_t>(shape_[i]);
  }
  if (count_ == 0) contiguous_ = true;
}

std::string Array::shape_text() const {
  std::string text = "(";
  for (size_t i = 0; i < shape_.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape_[i]);
  }
  return text + (shape_.size() == 1 ? ",)" : ")");
}

bool Array::elements_apart() const {
  if (contiguous_) return true;
  py::ssize_t extent = element_.bytes;
  for (const Dimension& dimension : by_stride(*this)) {
    if (std::abs(dimension.stride) < extent) return false;
    extent = std::abs(dimension.stride) * (dimension.size - 1) + extent;
  }
  return true;
}

bool Array::dense() const {
  if (contiguous_) return true;
  py::ssize_t extent = element_.bytes;
  for (const Dimension& dimension : by_stride(*this)) {
    if (dimension.stride != extent) return false;
    extent *= dimension.size;
  }
  return true;
}

uint64_t Array::order() const {
  if (contiguous_) return 0;
  uint64_t number = 14695981039346656037u;  // FNV-1a
  for (size_t i = 0; i < shape_.size(); ++i) {
    if (shape_[i] == 1) continue;
    for (const py::ssize_t part : {shape_[i], strides_[i] / element_.bytes}) {
      for (int byte = 0; byte < 8; ++byte) {
        number = (number ^ (static_cast<uint64_t>(part) >> (8 * byte) & 0xff)) * 1099511628211u;
      }
    }
  }
  return number | 1;
}

void Array::copy_to(std::byte* packed) const { copy<true>(*this, packed); }

void Array::copy_from(const std::byte* packed) const {
  copy<false>(*this, const_cast<std::byte*>(packed));
}

}  // namespace atoll_python
