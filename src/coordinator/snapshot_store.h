// A coordinator's snapshot in its --state-dir: what the last life kept, and what this one keeps.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "coordinator/state_dir.h"
#include "process/log.h"
#include "wire/snapshot.h"

namespace atoll_core::coordinator {

class SnapshotStore {
 public:
  // Takes the folder, and reads what the last life has kept there. Errors: those of
  // StateDir::open and load; kMismatch when it belongs to another run than `run`.
  static Result<SnapshotStore> open(const std::string& path, const std::string& run,
                                    std::shared_ptr<spdlog::logger> logger);

  // 0: nothing is known of earlier lives.
  uint32_t last_incarnation() const { return last_ ? last_->incarnation : 0; }
  // The instance that was driven last; zero: none, or it ended in an orderly way.
  InstanceId last_instance() const { return last_ ? last_->instance : InstanceId{}; }
  // True: it is known for certain that no peer can be in the run.
  // Of an instance that did not end in an orderly way members were lost, and may come back.
  bool surely_empty() const {
    return certain_ && last_ && !last_->has_members && !last_->instance;
  }

  // A failure is logged, and is no reason to stop: the snapshot is never needed.
  void save(const wire::Snapshot& snapshot);

 private:
  SnapshotStore(StateDir directory, std::string path, std::shared_ptr<spdlog::logger> logger)
      : directory_(std::move(directory)), path_(std::move(path)), logger_(std::move(logger)) {}

  StateDir directory_;
  std::string path_;
  std::shared_ptr<spdlog::logger> logger_;
  std::optional<wire::Snapshot> last_;
  bool certain_ = true;  // what was read is the last that was saved
};

}  // namespace atoll_core::coordinator
