#include "capi/dump.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <utility>

#include "capi/guard.h"
#include "capi/text.h"
#include "peer/state_json.h"
#include "process/descriptors.h"

namespace atoll_core::capi {
namespace {

constexpr uint32_t kErrorFilesMax = 16;  // of one process
constexpr Duration kErrorFilePause = std::chrono::seconds(1);

}  // namespace

Result<void> write_all(int file, const std::string& text, const std::string& path) {
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) {
      return fail(ErrorCode::kSystemError, "cannot write '{}': {}", path, std::strerror(errno));
    }
    if (count > 0) written += static_cast<size_t>(count);
  }
  return {};
}

namespace {

// The file appears whole or not at all.
Result<void> write_file(const std::string& path, const std::string& text) {
  const std::string draft = fmt::format("{}.{}.draft", path, getpid());
  const int file = process::above_standard(
      ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file < 0) {
    return fail(ErrorCode::kSystemError, "cannot create '{}': {}", draft, std::strerror(errno));
  }
  Result<void> written = write_all(file, text, draft);
  ::close(file);
  if (written && std::rename(draft.c_str(), path.c_str()) != 0) {
    written = fail(ErrorCode::kSystemError, "cannot rename '{}' to '{}': {}", draft, path,
                   std::strerror(errno));
  }
  if (!written) ::unlink(draft.c_str());
  return written;
}

// Names are free text; file names are not.
std::string file_name_part(std::string name) {
  for (char& character : name) {
    const auto byte = static_cast<unsigned char>(character);
    const bool plain = byte < 0x80 && std::isalnum(byte) != 0;
    if (!plain && character != '-' && character != '.') character = '_';
  }
  return name;
}

bool wants_dump(ErrorCode code) {
  return static_cast<int>(code) >= 200 && code != ErrorCode::kCancelled;
}

}  // namespace

std::string state_text(const atollComm& comm) {
  std::shared_ptr<peer::Session> session;
  std::optional<peer::EngineReport> last;
  {
    const std::lock_guard<std::mutex> lock(comm.mutex);
    session = comm.current;
    last = comm.last_report;
  }
  return peer::state_json(comm.config, session.get(), last);
}

namespace {

std::string dump_path(const atollComm& comm) {
  static std::atomic<uint32_t> files{0};
  return fmt::format("{}-{}-{}-{}.json", comm.dump_prefix,
                     file_name_part(comm.config.engine.membership.self.name), getpid(),
                     ++files);
}

void write_numbered_file(const atollComm& comm, const std::string& why) {
  const std::string path = dump_path(comm);
  const Result<void> written = write_file(path, state_text(comm));
  if (written) {
    comm.config.logger->warn("{}: the state is in {}", why, path);
  } else {
    comm.config.logger->warn("no state is written: {}", written.error().message);
  }
}

}  // namespace

std::string dump_on_signal(const atollComm& comm) noexcept {
  try {
    if (comm.dump_prefix.empty()) return state_text(comm);
    write_numbered_file(comm, "a signal asked for it");
  } catch (const std::exception& exception) {
    comm.config.logger->error("no state can be told: {}", exception.what());
  }
  return {};
}

tl::unexpected<Error> dumped(atollComm& comm, Error error) {
  static std::atomic<uint32_t> files{0};
  tl::unexpected<Error> result(std::move(error));
  if (comm.dump_prefix.empty() || !wants_dump(result.value().code)) return result;
  {
    const std::lock_guard<std::mutex> lock(comm.mutex);
    const TimePoint now = peer::now();
    if (comm.last_dump && now - *comm.last_dump < kErrorFilePause) return result;
    comm.last_dump = now;
  }
  if (files.fetch_add(1) >= kErrorFilesMax) return result;
  write_numbered_file(comm, result.value().message);
  return result;
}

}  // namespace atoll_core::capi

namespace capi = atoll_core::capi;
using atoll_core::Result;

atollResult_t atollFormatState(atollComm_t comm, char* buffer, size_t capacity, size_t* needed) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(comm, "atollFormatState", "comm"));
    return capi::copy_text(capi::state_text(*comm), "atollFormatState", {buffer, capacity, needed});
  });
}

atollResult_t atollDumpState(atollComm_t comm, const char* path) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(comm, "atollDumpState", "comm"));
    const std::string text = capi::state_text(*comm);
    if (path != nullptr) return capi::write_file(path, text);
    return capi::write_all(STDERR_FILENO, text, "standard error");
  });
}
