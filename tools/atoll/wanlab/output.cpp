#include "tools/atoll/wanlab/output.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace atoll_cli {
namespace {

constexpr size_t kLineBytesMax = 64 * 1024;  // a longer line is broken
constexpr int kReadsAtOnce = 16;

}  // namespace

OutputRelay::OutputRelay(std::string prefix, int destination)
    : prefix_(std::move(prefix)), destination_(destination) {}

bool OutputRelay::pump(int source) {
  std::array<char, 16384> piece;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t count = ::read(source, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    unfinished_.append(piece.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end = unfinished_.find('\n'); end != std::string::npos;
         end = unfinished_.find('\n', begin)) {
      write_line(unfinished_.data() + begin, end - begin);
      begin = end + 1;
    }
    unfinished_.erase(0, begin);
    if (unfinished_.size() > kLineBytesMax) flush();
  }
  return true;
}

void OutputRelay::flush() {
  if (unfinished_.empty()) return;
  write_line(unfinished_.data(), unfinished_.size());
  unfinished_.clear();
}

void OutputRelay::write_line(const char* begin, size_t count) const {
  std::string line = prefix_;
  line.append(begin, count);
  line += '\n';
  size_t written = 0;
  while (written < line.size()) {
    const ssize_t done = ::write(destination_, line.data() + written, line.size() - written);
    if (done < 0 && errno != EINTR) return;  // nobody reads it any more
    if (done > 0) written += static_cast<size_t>(done);
  }
}

}  // namespace atoll_cli
