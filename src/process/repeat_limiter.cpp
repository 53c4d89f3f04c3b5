#include "process/repeat_limiter.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace atoll_core::process {
namespace {

bool is_digit(char character) { return character >= '0' && character <= '9'; }
bool is_hexadecimal(char character) {
  return is_digit(character) || (character >= 'a' && character <= 'f');
}

// FNV-1a of the text, in which a run of hexadecimal digits with a decimal one among them counts as
// one character, whatever it is.
uint64_t key_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&hash](char character) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3u;
  };
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    bool number = false;
    while (end < text.size() && is_hexadecimal(text[end])) number |= is_digit(text[end++]);
    if (number) {
      mix('\0');
      i = end;
      continue;
    }
    mix(text[i++]);
    while (i < end) mix(text[i++]);
  }
  return hash;
}

constexpr size_t kExampleBytes = 160;

}  // namespace

bool RepeatLimiter::passes(TimePoint now, std::string_view text) {
  Kind& kind = kind_of(now, text);
  kind.seen = now;
  const auto more = (now - kind.filled) / kPause;
  if (more > 0) {
    kind.allowed = static_cast<uint32_t>(std::min<int64_t>(kAtOnce, kind.allowed + more));
    kind.filled += more * kPause;
  }
  if (kind.allowed > 0) {
    --kind.allowed;
    kind.over = kind.left_out > 0;
    return true;
  }
  if (kind.left_out++ == 0) kind.example = text.substr(0, kExampleBytes);
  return false;
}

std::vector<std::string> RepeatLimiter::take_reports(TimePoint now) {
  std::vector<std::string> reports = std::exchange(reports_, {});
  for (Kind& kind : kinds_) {
    if (kind.left_out == 0 || (!kind.over && now - kind.seen < kSettled)) continue;
    reports.push_back(report(kind));
    kind.left_out = 0;
    kind.over = false;
  }
  return reports;
}

std::vector<std::string> RepeatLimiter::take_last_reports() {
  std::vector<std::string> reports = std::exchange(reports_, {});
  for (const Kind& kind : std::exchange(kinds_, {})) {
    if (kind.left_out > 0) reports.push_back(report(kind));
  }
  return reports;
}

RepeatLimiter::Kind& RepeatLimiter::kind_of(TimePoint now, std::string_view text) {
  const uint64_t key = key_of(text);
  for (Kind& kind : kinds_) {
    if (kind.key == key) return kind;
  }
  Kind fresh;
  fresh.key = key;
  fresh.filled = now;
  if (kinds_.size() < kKinds) return kinds_.emplace_back(std::move(fresh));
  const auto oldest = std::min_element(
      kinds_.begin(), kinds_.end(),
      [](const Kind& one, const Kind& other) { return one.seen < other.seen; });
  if (oldest->left_out > 0) reports_.push_back(report(*oldest));
  *oldest = std::move(fresh);
  return *oldest;
}

std::string RepeatLimiter::report(const Kind& kind) {
  return fmt::format("{} more like this were left out: {}", kind.left_out, kind.example);
}

}  // namespace atoll_core::process
