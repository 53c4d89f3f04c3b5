#include "tools/atoll/wanlab/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace atoll_cli {
namespace {

namespace fs = std::filesystem;

constexpr int kPassesMax = 500;  // a process may start others while it is being ended
constexpr useconds_t kBetweenPasses_us = 10'000;

// Closes all files but the standard ones and `kept`.
void close_others(const std::vector<int>& kept) {
  std::vector<int> open;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd", ignored)) {
    open.push_back(std::atoi(entry.path().filename().c_str()));
  }
  for (const int file : open) {
    if (file > 2 && std::find(kept.begin(), kept.end(), file) == kept.end()) ::close(file);
  }
}

// The namespaces stay open here, so that no other gets the number of one of them meanwhile.
[[noreturn]] void stand_guard(int lifeline, const std::vector<Node>& nodes) {
  std::vector<int> kept = {lifeline};
  std::vector<std::string> links;
  for (const Node& node : nodes) {
    kept.push_back(node.name_space());
    links.push_back(node.name_space_link());
  }
  ::setsid();  // what the terminal sends to the lab's group is not for the guard
  ::prctl(PR_SET_NAME, "wanlab-guard");
  const int nothing = ::open("/dev/null", O_RDWR);
  for (int file = 0; file <= 2; ++file) ::dup2(nothing, file);  // others wait for their end
  close_others(kept);
  char byte = 0;
  while (::read(lifeline, &byte, 1) < 0 && errno == EINTR) {
  }
  end_processes_in(links);
  ::_exit(0);
}

bool is_in(const std::string& process, const std::vector<std::string>& name_spaces) {
  std::error_code error;
  const fs::path link = fs::read_symlink("/proc/" + process + "/ns/net", error);
  return !error && std::find(name_spaces.begin(), name_spaces.end(), link) != name_spaces.end();
}

}  // namespace

Guard::Guard(const std::vector<Node>& nodes) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) == 0) pid_ = ::fork();
  if (pid_ == 0) {
    ::close(ends[1]);
    stand_guard(ends[0], nodes);
  }
  const int problem = errno;
  ::close(ends[0]);
  lifeline_ = ends[1];
  if (pid_ < 0) throw std::runtime_error(std::string("no guard: ") + std::strerror(problem));
}

Guard::~Guard() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ::close(lifeline_);
}

void end_processes_in(const std::vector<std::string>& name_spaces) {
  for (int pass = 0; pass < kPassesMax; ++pass) {
    bool found = false;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
      const std::string name = entry.path().filename().string();
      if (std::isdigit(static_cast<unsigned char>(name[0])) == 0 || !is_in(name, name_spaces)) {
        continue;
      }
      found = true;
      ::kill(static_cast<pid_t>(std::atoi(name.c_str())), SIGKILL);
    }
    if (!found) return;
    ::usleep(kBetweenPasses_us);
  }
}

}  // namespace atoll_cli
