#include "peer/shared_state.h"

#include <utility>

#include "state/digest.h"

namespace atoll_core::peer {

Result<void> SharedState::add_tensor(std::string_view name, void* data, DataType type,
                                     uint64_t count) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return table_.add_tensor(name, data, type, count);
}

Result<void> SharedState::begin_write() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return table_.begin_write();
}

Result<void> SharedState::publish(uint64_t revision) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return table_.publish(revision);
}

uint64_t SharedState::revision() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return table_.revision();
}

Result<SyncInfo> SharedState::sync(Session& session, const SyncOptions& options) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (table_.writing()) {
    return fail(ErrorCode::kInvalidUsage,
                "the state is being written: it can be synced after atollStatePublish");
  }
  engine::SyncCall call;
  call.table = &table_;
  call.digests = state::compute_digests(table_);
  call.strategy = options.strategy;
  call.options.tag = options.tag;
  call.options.deadline = options.deadline;
  const auto pending = session.call(
      [&call](engine::Engine& engine, TimePoint at, engine::CallId id) {
        engine.sync(at, id, std::move(call));
      });
  Result<engine::CallInfo> result = pending->wait();
  if (!result) return tl::unexpected<Error>(result.error());
  return std::get<SyncInfo>(*result);
}

}  // namespace atoll_core::peer
