#include "base/text.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace atoll_core {
namespace {

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7F; }

// What a lead byte announces: the length of its sequence and the allowed range of the second byte,
// which excludes overlong forms, surrogates and numbers above U+10FFFF (RFC 3629, section 4).
struct Lead {
  size_t length = 0;  // 0: no lead byte
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
};

Lead classify(unsigned char lead) {
  if (lead < 0x80) return {1};
  if (lead >= 0xC2 && lead <= 0xDF) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

// The length of the character at the start of a non-empty text; 0 when it is no UTF-8.
size_t character_length(std::string_view text) {
  const Lead lead = classify(static_cast<unsigned char>(text[0]));
  if (lead.length > text.size()) return 0;
  for (size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool second = i == 1;
    if (byte < (second ? lead.second_min : 0x80)) return 0;
    if (byte > (second ? lead.second_max : 0xBF)) return 0;
  }
  return lead.length;
}

}  // namespace

size_t find_unprintable(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = character_length(text.substr(at));
    if (length == 0 || is_control(static_cast<unsigned char>(text[at]))) return at;
    at += length;
  }
  return at;
}

std::string make_printable(std::string_view text, size_t bytes_max) {
  std::string out;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(character_length(text), 1);
    if (out.size() + length > bytes_max) break;
    if (find_unprintable(text.substr(0, length)) == length) {
      out.append(text.substr(0, length));
    } else {
      out.push_back(is_control(static_cast<unsigned char>(text[0])) ? ' ' : '?');
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string quote_bytes(ByteSpan bytes, size_t bytes_max) {
  std::string out = "\"";
  for (const std::byte byte : bytes.first(std::min(bytes.size(), bytes_max))) {
    const auto value = static_cast<unsigned char>(byte);
    if (value >= 0x20 && value < 0x7F && value != '"' && value != '\\') {
      out.push_back(static_cast<char>(value));
    } else {
      out += fmt::format("\\x{:02x}", value);
    }
  }
  return out + "\"";
}

std::string quote_text(std::string_view text, size_t bytes_max) {
  const bool whole = text.size() <= bytes_max;
  return fmt::format("'{}{}'", make_printable(text, bytes_max), whole ? "" : "...");
}

}  // namespace atoll_core
