// How others call the types of elements. Nothing: Atoll has no such type.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "src/array.h"

namespace atoll_python {

std::optional<Element> element_named(std::string_view name);  // as numpy and torch print it
std::optional<Element> element_of_format(const char* format, py::ssize_t bytes);  // of a Py_buffer
std::optional<Element> element_of_dlpack(uint8_t code, uint8_t bits, uint16_t lanes);

}  // namespace atoll_python
