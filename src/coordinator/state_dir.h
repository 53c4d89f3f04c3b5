// The folder in which a coordinator keeps its small state: one snapshot, the one before it, and a
// lock. Any end of the process, at any moment, leaves a snapshot that was once saved, whole.
//
//   lock               held (flock) as long as this object lives; contains the holder's process id
//   snapshot           the last one saved (wire/snapshot_frame.h)
//   snapshot.previous  the one before it, for when the last one turns out to be damaged
//   snapshot.draft     being written; never read
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace atoll_core::coordinator {

class StateDir {
 public:
  // The moments of save(), in their order.
  enum class SaveStep : uint8_t { kDraftWritten, kDraftSynced, kPreviousKept, kRenamed, kSynced };

  // Creates the folder (its parent has to be there) and takes the lock. Errors: kInvalidUsage when
  // another process or object holds it, kSystemError with the path.
  static Result<StateDir> open(const std::string& path);

  StateDir(StateDir&& other) noexcept { *this = std::move(other); }
  StateDir& operator=(StateDir&& other) noexcept;
  ~StateDir();

  // The newest snapshot that is intact; nothing when there is none. Errors: what is there cannot be
  // read (kSystemError).
  Result<std::optional<std::string>> load();
  // One sentence, after a load that passed over a damaged snapshot; otherwise empty.
  const std::string& warning() const { return warning_; }

  // When it returns without an error, `bytes` are on the disk. After an error the snapshot that
  // load() would give is the old one or the new one. At most limits::kSnapshotBytes.
  Result<void> save(std::string_view bytes);

  // For tests: called after each step, to die there.
  void set_step_observer(std::function<void(SaveStep)> observer) {
    observer_ = std::move(observer);
  }

 private:
  StateDir(std::string path, int folder, int lock)
      : path_(std::move(path)), folder_(folder), lock_(lock) {}

  Result<std::optional<std::string>> load_file(const char* name);
  Result<void> write_draft(std::string_view file);
  Result<void> publish_draft();
  Result<void> sync_folder();
  void passed(SaveStep step) const {
    if (observer_) observer_(step);
  }
  void close();

  std::string path_;
  int folder_ = -1;
  int lock_ = -1;
  // Only an intact snapshot may take the place of the previous one. Unknown until it was looked at.
  std::optional<bool> last_is_intact_;
  std::string warning_;
  std::function<void(SaveStep)> observer_;
};

}  // namespace atoll_core::coordinator
