#include "coordinator/snapshot_store.h"

#include <utility>

namespace atoll_core::coordinator {

Result<SnapshotStore> SnapshotStore::open(const std::string& path, const std::string& run,
                                          std::shared_ptr<spdlog::logger> logger) {
  auto directory = StateDir::open(path);
  if (!directory) return tl::unexpected(directory.error());
  SnapshotStore store(std::move(*directory), path, std::move(logger));
  auto bytes = store.directory_.load();
  if (!bytes) return tl::unexpected(bytes.error());
  if (!store.directory_.warning().empty()) {
    store.certain_ = false;
    store.logger_->warn("{}", store.directory_.warning());
  }
  if (!bytes->has_value()) return store;
  auto snapshot = wire::decode_snapshot(**bytes);
  if (!snapshot) {
    store.certain_ = false;
    store.logger_->warn("{}: {}; going on without it", path, snapshot.error().message);
    return store;
  }
  if (snapshot->run != run) {
    return fail(ErrorCode::kMismatch,
                "the state in {} belongs to run '{}', and this coordinator serves run '{}'", path,
                snapshot->run, run);
  }
  store.last_ = std::move(*snapshot);
  return store;
}

void SnapshotStore::save(const wire::Snapshot& snapshot) {
  const Result<void> saved = directory_.save(wire::encode(snapshot));
  if (!saved) logger_->error("the state in {} is not up to date: {}", path_, saved.error().message);
}

}  // namespace atoll_core::coordinator
