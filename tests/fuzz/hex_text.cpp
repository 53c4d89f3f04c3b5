#include "fuzz/hex_text.h"

#include <fstream>
#include <iterator>

namespace atoll_core::fuzz {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr size_t kBytesPerLine = 40;

}  // namespace

std::string to_hex_text(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
    if ((i + 1) % kBytesPerLine == 0 || i + 1 == bytes.size()) text += '\n';
  }
  return text;
}

std::optional<std::vector<uint8_t>> from_hex_text(std::string_view text) {
  std::vector<size_t> digits;
  bool in_comment = false;
  for (const char character : text) {
    if (character == '#') in_comment = true;
    if (character == '\n') in_comment = false;
    if (in_comment || character == '\n' || character == ' ') continue;
    digits.push_back(kDigits.find(character));
    if (digits.back() == std::string_view::npos) return std::nullopt;
  }
  if (digits.size() % 2 != 0) return std::nullopt;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(digits[i] << 4 | digits[i + 1]));
  }
  return bytes;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace atoll_core::fuzz
