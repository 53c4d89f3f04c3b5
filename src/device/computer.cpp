#include "device/computer.h"

#include <sched.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string>

#include "base/limits.h"

namespace atoll_core::device {

uint64_t computer_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  if (!std::getline(file, text)) return 0;
  std::erase_if(text, [](unsigned char c) { return std::isxdigit(c) == 0; });
  if (text.size() != 32) return 0;
  return std::stoull(text.substr(0, 16), nullptr, 16) ^ std::stoull(text.substr(16), nullptr, 16);
}

uint32_t usable_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::clamp<uint32_t>(static_cast<uint32_t>(CPU_COUNT(&set)), 1, limits::kCpus);
}

}  // namespace atoll_core::device
