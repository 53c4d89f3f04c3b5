// Corpus files are text: hexadecimal digits with white space anywhere, and comments from # to the
// end of the line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atoll_core::fuzz {

std::string to_hex_text(std::string_view bytes);  // lines of 40 bytes

// Nothing when the text has other characters, or half a byte.
std::optional<std::vector<uint8_t>> from_hex_text(std::string_view text);

std::string read_file(const std::string& path);

}  // namespace atoll_core::fuzz
