#include "process/shortage.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace atoll_core::process {
namespace {

std::string limit_text(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : fmt::format("{}", limit);
}

std::string words_of(int error) { return std::generic_category().message(error); }

uint64_t count_open() {
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir("/proc/self/fd"), ::closedir);
  if (list == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(list.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count > 0 ? count - 1 : 0;  // less the list's own
}

}  // namespace

bool is_shortage_of_descriptors(int error) { return error == EMFILE || error == ENFILE; }

std::string describe_shortage_of_descriptors(int error) {
  if (error == EMFILE) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    return fmt::format("process {} has no file descriptor left of the {} that it may have (raise "
                       "its limit: ulimit -n)",
                       ::getpid(), limit_text(files.rlim_cur));
  }
  if (error == ENFILE) {
    return fmt::format("the computer of process {} has no file descriptor left for anybody (raise "
                       "its limit: sysctl fs.file-max)",
                       ::getpid());
  }
  return words_of(error);
}

std::string describe_shortage_of_threads(int error) {
  if (error != EAGAIN) return words_of(error);
  rlimit threads{};
  ::getrlimit(RLIMIT_NPROC, &threads);
  return fmt::format("process {} may not start one: its user has as many as the limit allows "
                     "(ulimit -u, {}), or its container or service (pids.max, TasksMax)",
                     ::getpid(), limit_text(threads.rlim_cur));
}

DescriptorRoom descriptor_room() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return {};
  return {files.rlim_cur, count_open()};
}

}  // namespace atoll_core::process
