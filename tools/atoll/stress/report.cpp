#include "tools/atoll/stress/report.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace atoll_cli {
namespace {

constexpr size_t kLineBytesMax = 2000;  // below PIPE_BUF, up to which a write is not divided

std::string_view next_word(std::string_view& rest) {
  const size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

}  // namespace

void report(const std::string& line) {
  std::string text = line.substr(0, kLineBytesMax);
  std::replace(text.begin(), text.end(), '\n', ' ');
  text += '\n';
  // When the parent is gone this process is about to go, too.
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
}

ReportLine parse_report(std::string_view line) {
  ReportLine parsed;
  parsed.word = next_word(line);
  while (!line.empty()) {
    std::string_view rest = line;
    const std::string_view word = next_word(rest);
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) break;
    parsed.numbers.push_back(number);
    line = rest;
  }
  parsed.sentence = line;
  return parsed;
}

}  // namespace atoll_cli
