#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace atoll_cli {

// The folder of one run; removed unless something in it may be of use.
class LogFolder {
 public:
  LogFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "atoll_stress_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot make the folder " + pattern + " for logs");
    }
    path_ = pattern;
  }
  ~LogFolder() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
  }
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;

  const std::string& path() const { return path_; }
  void keep() {
    kept_ = true;
    std::fprintf(stderr, "the logs are in %s\n", path_.c_str());
  }

 private:
  std::string path_;
  bool kept_ = false;
};

}  // namespace atoll_cli
