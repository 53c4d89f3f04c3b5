#include "port_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace atoll_cli {
namespace {

std::string failure(const std::string& path, const char* step) {
  return "cannot " + std::string(step) + " port file '" + path + "': " + std::strerror(errno);
}

bool write_all(int file, const std::string& text) {
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) written += static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

std::string write_port_file(const std::string& path, const std::string& address) {
  const std::string draft = path + "." + std::to_string(::getpid()) + ".draft";
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return failure(path, "create");
  std::string problem;
  if (!write_all(file, address)) problem = failure(path, "write");
  if (::close(file) != 0 && problem.empty()) problem = failure(path, "write");
  if (problem.empty() && std::rename(draft.c_str(), path.c_str()) != 0) {
    problem = failure(path, "rename");
  }
  if (!problem.empty()) ::unlink(draft.c_str());
  return problem;
}

}  // namespace atoll_cli
