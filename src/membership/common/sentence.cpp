#include "membership/common/sentence.h"

namespace atoll_core::membership {

std::string join(const std::vector<std::string>& texts, std::string_view separator) {
  std::string joined;
  for (const std::string& text : texts) {
    if (!joined.empty()) joined += separator;
    joined += text;
  }
  return joined;
}

std::string bounded(std::string sentence, size_t bytes) {
  if (sentence.size() <= bytes) return sentence;
  size_t end = bytes;
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(sentence[at]) & 0xC0u) == 0x80u;
  };
  while (end > 0 && continues(end)) --end;
  sentence.resize(end);
  return sentence;
}

}  // namespace atoll_core::membership
