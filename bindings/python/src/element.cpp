// Types of elements: how arrays call them, and how Atoll does.
#include <array>
#include <cstring>
#include <string_view>

#include "src/array.h"
#include "src/element_names.h"

namespace atoll_python {
namespace {

struct Named {
  std::string_view name;
  Element element;
};

constexpr std::array<Named, 13> kNamed = {{{"int8", {atollInt8, false, 1}},
                                           {"uint8", {atollUint8, false, 1}},
                                           {"int16", {atollInt16, false, 2}},
                                           {"uint16", {atollUint16, false, 2}},
                                           {"int32", {atollInt32, false, 4}},
                                           {"uint32", {atollUint32, false, 4}},
                                           {"int64", {atollInt64, false, 8}},
                                           {"uint64", {atollUint64, false, 8}},
                                           {"float16", {atollFloat16, false, 2}},
                                           {"bfloat16", {atollBfloat16, false, 2}},
                                           {"float32", {atollFloat32, false, 4}},
                                           {"float64", {atollFloat64, false, 8}},
                                           {"bool", {atollUint8, true, 1}}}};

std::optional<Element> integer(bool with_sign, py::ssize_t bytes) {
  switch (bytes) {
    case 1: return Element{with_sign ? atollInt8 : atollUint8, false, 1};
    case 2: return Element{with_sign ? atollInt16 : atollUint16, false, 2};
    case 4: return Element{with_sign ? atollInt32 : atollUint32, false, 4};
    case 8: return Element{with_sign ? atollInt64 : atollUint64, false, 8};
    default: return {};
  }
}

}  // namespace

std::string name_of(const Element& element) {
  for (const Named& named : kNamed) {
    if (named.element == element) return std::string(named.name);
  }
  return "unknown";
}

std::optional<Element> element_named(std::string_view name) {
  for (const Named& named : kNamed) {
    if (named.name == name) return named.element;
  }
  return {};
}

std::optional<Element> element_of_format(const char* format, py::ssize_t bytes) {
  if (format == nullptr) return Element{atollUint8, false, 1};
  std::string_view text(format);
  if (!text.empty() && std::strchr("@=<>!", text[0]) != nullptr) {
    // The library runs on little-endian machines only.
    if ((text[0] == '>' || text[0] == '!') && bytes > 1) return {};
    text.remove_prefix(1);
  }
  if (text.size() != 1) return {};
  if (std::strchr("bhilqn", text[0]) != nullptr) return integer(true, bytes);
  if (std::strchr("BHILQNc", text[0]) != nullptr) return integer(false, bytes);
  switch (text[0]) {
    case '?': return Element{atollUint8, true, 1};
    case 'e': return Element{atollFloat16, false, 2};
    case 'f': return Element{atollFloat32, false, 4};
    case 'd': return Element{atollFloat64, false, 8};
    default: return {};
  }
}

std::optional<Element> element_of_dlpack(uint8_t code, uint8_t bits, uint16_t lanes) {
  if (lanes != 1) return {};
  switch (code) {
    case 0: return integer(true, bits / 8);
    case 1: return integer(false, bits / 8);
    case 2:
      if (bits == 16) return Element{atollFloat16, false, 2};
      if (bits == 32) return Element{atollFloat32, false, 4};
      if (bits == 64) return Element{atollFloat64, false, 8};
      return {};
    case 4: return bits == 16 ? std::optional(Element{atollBfloat16, false, 2}) : std::nullopt;
    case 6: return Element{atollUint8, true, 1};
    default: return {};
  }
}

}  // namespace atoll_python
