// Memory that Python objects lend to a call.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "atoll/atoll.h"

namespace atoll_python {

namespace py = pybind11;

struct Element {
  atollDataType_t type = atollUint8;
  bool boolean = false;  // travels as uint8, of which 0 and 1 occur
  py::ssize_t bytes = 1;
  bool operator==(const Element&) const = default;
};
std::string name_of(const Element& element);

// What the Python half makes of objects without a buffer: tensors, and what has DLPack.
struct Memory {
  uintptr_t address = 0;
  Element element;
  std::vector<py::ssize_t> shape;
  std::vector<py::ssize_t> strides;  // in bytes
  bool read_only = false;
  py::object owner;  // whatever keeps the memory
};
Memory make_memory(uintptr_t address, const std::string& type, std::vector<py::ssize_t> shape,
                   std::vector<py::ssize_t> strides, bool read_only, py::object owner);
// Of a capsule "dltensor", which is used up.
Memory memory_of_dlpack(const py::capsule& capsule);

// An array while a call has it. Made and destroyed with the GIL.
class Array {
 public:
  // Throws TypeError with a sentence that begins with `what`.
  Array(py::handle object, const std::string& what);
  ~Array();
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  std::byte* data() const { return data_; }
  const Element& element() const { return element_; }
  std::span<const py::ssize_t> shape() const { return shape_; }
  std::span<const py::ssize_t> strides() const { return strides_; }
  bool read_only() const { return read_only_; }
  uint64_t count() const { return count_; }
  uint64_t bytes() const { return count_ * static_cast<uint64_t>(element_.bytes); }
  std::string shape_text() const;

  // In C order, without gaps.
  bool contiguous() const { return contiguous_; }
  // Each element has a place of its own. Not found out of shapes of which nobody can tell quickly:
  // then false.
  bool elements_apart() const;
  // Without gaps, in whatever order of the dimensions.
  bool dense() const;
  // A number for the order of the elements in memory; 0 for C order.
  uint64_t order() const;

  // Neither touches Python.
  void copy_to(std::byte* packed) const;
  void copy_from(const std::byte* packed) const;

 private:
  void take(const Memory& memory);
  void take_buffer(const std::string& what);
  void find_out_more();

  Py_buffer view_{};
  bool has_view_ = false;
  py::object owner_;
  py::object memory_;  // whose shape and strides these are
  std::byte* data_ = nullptr;
  Element element_;
  std::span<const py::ssize_t> shape_;
  std::span<const py::ssize_t> strides_;
  bool read_only_ = false;
  bool contiguous_ = true;
  uint64_t count_ = 1;
};

}  // namespace atoll_python
