#include "process_use.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace atoll_cli {
namespace {

// Of lines like "Anonymous:    1234 kB".
std::optional<uint64_t> field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(name + ":", 0) != 0) continue;
    std::istringstream rest(line.substr(name.size() + 1));
    uint64_t value = 0;
    if (rest >> value) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProcessUse> process_use(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const auto resident = field(folder + "/smaps_rollup", "Rss");
  const auto anonymous = field(folder + "/smaps_rollup", "Anonymous");
  const auto threads = field(folder + "/status", "Threads");
  std::error_code problem;
  std::filesystem::directory_iterator descriptors(folder + "/fd", problem);
  if (!resident || !anonymous || !threads || problem) return std::nullopt;
  ProcessUse use{*resident, *anonymous, 0, *threads};
  while (!problem && descriptors != std::filesystem::directory_iterator()) {
    ++use.descriptors;
    descriptors.increment(problem);
  }
  return use;
}

}  // namespace atoll_cli
