#include "coordinator/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/limits.h"
#include "process/descriptors.h"
#include "process/shortage.h"
#include "wire/snapshot_frame.h"

namespace atoll_core::coordinator {
namespace {

constexpr const char* kLast = "snapshot";
constexpr const char* kPrevious = "snapshot.previous";
constexpr const char* kDraft = "snapshot.draft";
constexpr const char* kLock = "lock";
constexpr size_t kFileBytesMax = limits::kSnapshotBytes + wire::kSnapshotHeaderBytes;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }

 private:
  int number_;
};

// For as long as the folder is in use. The lock is of the open file: a forked child that kept it
// would hold the folder after the death of its parent.
class NotedDescriptor {
 public:
  explicit NotedDescriptor(int number) : number_(number) {}
  ~NotedDescriptor() {
    if (number_ >= 0) close_noted(number_);
  }
  NotedDescriptor(const NotedDescriptor&) = delete;
  NotedDescriptor& operator=(const NotedDescriptor&) = delete;

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

  static void close_noted(int number) {
    process::ForkPause pause;
    pause.take_back(number);
    ::close(number);
  }

 private:
  int number_;
};

template <class Call>
auto without_interruption(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

tl::unexpected<Error> system_failure(std::string_view what, const std::string& path,
                                     const char* name = "") {
  const std::string reason = process::describe_shortage_of_descriptors(errno);
  return fail(ErrorCode::kSystemError, "cannot {} {}{}{}: {}", what, path, *name == 0 ? "" : "/",
              name, reason);
}

Result<void> write_all(int file, std::string_view bytes, const std::string& path,
                       const char* name) {
  while (!bytes.empty()) {
    const ssize_t count =
        without_interruption([&] { return ::write(file, bytes.data(), bytes.size()); });
    if (count < 0) return system_failure("write", path, name);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

// At most one byte more than a snapshot may have: enough to see that it is none.
Result<std::string> read_all(int file, const std::string& path, const char* name) {
  std::string bytes;
  std::array<char, 16384> piece;
  while (bytes.size() <= kFileBytesMax) {
    const ssize_t count =
        without_interruption([&] { return ::read(file, piece.data(), piece.size()); });
    if (count < 0) return system_failure("read", path, name);
    if (count == 0) break;
    bytes.append(piece.data(), static_cast<size_t>(count));
  }
  return bytes;
}

// " by process 123", as far as the lock file tells.
std::string holder_of(int lock) {
  std::array<char, 16> digits{};
  const ssize_t count = ::pread(lock, digits.data(), digits.size(), 0);
  const auto end = std::find_if_not(digits.begin(), digits.begin() + std::max<ssize_t>(count, 0),
                                    [](unsigned char c) { return std::isdigit(c) != 0; });
  const std::string process(digits.begin(), end);
  return process.empty() ? "" : " by process " + process;
}

Result<int> take_lock(int folder, const std::string& path) {
  NotedDescriptor lock(process::open_noted(
      [folder] { return ::openat(folder, kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600); }));
  if (lock.get() < 0) return system_failure("open", path, kLock);
  if (without_interruption([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return system_failure("lock", path, kLock);
    return fail(ErrorCode::kInvalidUsage,
                "the state directory {} is in use{}: each coordinator needs its own", path,
                holder_of(lock.get()));
  }
  if (::ftruncate(lock.get(), 0) != 0) return system_failure("write", path, kLock);
  const std::string process = fmt::format("{}\n", ::getpid());
  if (auto written = write_all(lock.get(), process, path, kLock); !written) {
    return tl::unexpected(written.error());
  }
  return lock.release();
}

}  // namespace

Result<StateDir> StateDir::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_failure("create the state directory", path);
  }
  NotedDescriptor folder(process::open_noted(
      [&path] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (folder.get() < 0) return system_failure("open the state directory", path);
  auto lock = take_lock(folder.get(), path);
  if (!lock) return tl::unexpected(lock.error());
  return StateDir(path, folder.release(), *lock);
}

StateDir& StateDir::operator=(StateDir&& other) noexcept {
  if (this == &other) return *this;
  close();
  path_ = std::move(other.path_);
  folder_ = std::exchange(other.folder_, -1);
  lock_ = std::exchange(other.lock_, -1);
  last_is_intact_ = other.last_is_intact_;
  warning_ = std::move(other.warning_);
  observer_ = std::move(other.observer_);
  return *this;
}

StateDir::~StateDir() { close(); }

// The lock file stays: to remove it would let two holders lock two files of the same name.
void StateDir::close() {
  if (lock_ >= 0) NotedDescriptor::close_noted(std::exchange(lock_, -1));
  if (folder_ >= 0) NotedDescriptor::close_noted(std::exchange(folder_, -1));
}

// Nothing when the file is missing or, with a warning, damaged.
Result<std::optional<std::string>> StateDir::load_file(const char* name) {
  const Descriptor file(
      process::above_standard(::openat(folder_, name, O_RDONLY | O_CLOEXEC)));
  if (file.get() < 0 && errno == ENOENT) return std::nullopt;
  if (file.get() < 0) return system_failure("open", path_, name);
  auto bytes = read_all(file.get(), path_, name);
  if (!bytes) return tl::unexpected(bytes.error());
  auto payload = wire::unframe_snapshot(*bytes);
  if (payload) return std::move(*payload);
  if (!warning_.empty()) warning_ += "; ";
  warning_ += fmt::format("{}/{} {}", path_, name, payload.error().message);
  return std::nullopt;
}

Result<std::optional<std::string>> StateDir::load() {
  warning_.clear();
  auto last = load_file(kLast);
  if (!last) return last;
  last_is_intact_ = last->has_value();
  if (*last_is_intact_) return last;
  auto previous = load_file(kPrevious);
  if (previous && !warning_.empty()) {
    warning_ += *previous ? ", so the snapshot before it is used" : ", and there is no other";
  }
  return previous;
}

Result<void> StateDir::save(std::string_view bytes) {
  if (bytes.size() > limits::kSnapshotBytes) {
    return fail(ErrorCode::kInvalidArgument, "a snapshot of {} bytes for {}: the limit is {}",
                bytes.size(), path_, limits::kSnapshotBytes);
  }
  if (auto written = write_draft(wire::frame_snapshot(bytes)); !written) return written;
  if (auto published = publish_draft(); !published) return published;
  return sync_folder();
}

Result<void> StateDir::write_draft(std::string_view file) {
  const Descriptor draft(
      process::above_standard(
          ::openat(folder_, kDraft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)));
  if (draft.get() < 0) return system_failure("create", path_, kDraft);
  if (auto written = write_all(draft.get(), file, path_, kDraft); !written) return written;
  passed(SaveStep::kDraftWritten);
  if (::fsync(draft.get()) != 0) return system_failure("sync", path_, kDraft);
  passed(SaveStep::kDraftSynced);
  return {};
}

Result<void> StateDir::publish_draft() {
  if (!last_is_intact_) {
    const std::string warning = warning_;
    auto last = load_file(kLast);
    warning_ = warning;  // of a load, not of a save
    last_is_intact_ = last && last->has_value();
  }
  if (*last_is_intact_) {
    if (::renameat(folder_, kLast, folder_, kPrevious) != 0) {
      return system_failure("rename", path_, kLast);
    }
    last_is_intact_ = false;  // now there is none of that name
  }
  passed(SaveStep::kPreviousKept);
  if (::renameat(folder_, kDraft, folder_, kLast) != 0) {
    return system_failure("rename", path_, kDraft);
  }
  last_is_intact_ = true;
  passed(SaveStep::kRenamed);
  return {};
}

Result<void> StateDir::sync_folder() {
  if (::fsync(folder_) != 0) return system_failure("sync the state directory", path_);
  passed(SaveStep::kSynced);
  return {};
}

}  // namespace atoll_core::coordinator
