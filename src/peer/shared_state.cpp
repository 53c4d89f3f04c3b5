#include "peer/shared_state.h"

#include <utility>
#include <vector>

#include "peer/calls.h"
#include "state/digest.h"

namespace atoll_core::peer {
namespace {

// The session's I/O thread serves, the caller's thread closes.
class LockedPublication final : public state::Publication {
 public:
  using Publication::Publication;

  void open(state::StateDigests digests) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    Publication::open(std::move(digests));
  }
  Result<std::vector<state::StateResponse>> serve(const state::StateRequest& request) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return Publication::serve(request);
  }
  bool close() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return Publication::close();
  }

 private:
  std::mutex mutex_;
};

}  // namespace

SharedState::SharedState() : publication_(std::make_shared<LockedPublication>(table_)) {}

Result<void> SharedState::add_tensor(std::string_view name, void* data, DataType type,
                                     uint64_t count) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return table_.add_tensor(name, data, type, count);
}

SharedState::~SharedState() { withdraw(); }

void SharedState::withdraw() {
  if (!publication_->close()) return;
  // A session that is gone has ended its thread before.
  if (const std::shared_ptr<Session> session = server_.lock()) session->withdraw(publication_);
}

void SharedState::note_committed(Session& session, uint64_t tag) {
  mark_->set(table_.committed());
  session.note_synced(tag, state::layout_of(table_), mark_);
}

// Also when the thread is cancelled: what was committed is so all the same.
Result<engine::CallInfo> SharedState::wait_and_note(Session& session, PendingCall& call,
                                                    uint64_t tag) {
  try {
    Result<engine::CallInfo> result = wait_for(session, call);
    note_committed(session, tag);
    return result;
  } catch (...) {
    note_committed(session, tag);
    throw;
  }
}

Result<void> SharedState::begin_write() {
  const std::lock_guard<std::mutex> lock(mutex_);
  withdraw();
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

Result<SyncInfo> SharedState::sync(const std::shared_ptr<Session>& session,
                                   const SyncOptions& options) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (table_.writing()) {
    return fail(ErrorCode::kInvalidUsage,
                "the state is being written: it can be synced after atollStatePublish");
  }
  if (server_.lock() != session) withdraw();
  server_ = session;
  engine::SyncCall call;
  call.table = &table_;
  call.digests = state::compute_digests(table_);
  call.strategy = options.strategy;
  call.options.tag = options.tag;
  call.options.deadline = options.deadline;
  call.publication = publication_;
  const auto pending = session->call_in_flight(
      [&call](engine::Engine& engine, TimePoint at, engine::CallId id) {
        engine.sync(at, id, std::move(call));
      },
      Caller::kWaits);
  Result<engine::CallInfo> result = wait_and_note(*session, *pending, options.tag);
  if (!result) return tl::unexpected<Error>(result.error());
  return std::get<SyncInfo>(*result);
}

Result<wire::View> SharedState::update(Session& session, const FollowOptions& options) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (table_.writing()) {
    return fail(ErrorCode::kInvalidUsage,
                "the state is being written: it can follow others after atollStatePublish");
  }
  withdraw();
  engine::FollowCall follow;
  follow.table = &table_;
  follow.digests = state::compute_digests(table_);
  follow.tag = options.tag;
  follow.patience = options.patience;
  const auto pending = session.call(
      [&follow](engine::Engine& engine, TimePoint at, engine::CallId id) {
        engine.update(at, id, std::move(follow));
      },
      Caller::kWaits);
  Result<engine::CallInfo> result = wait_and_note(session, *pending, options.tag);
  if (!result) return tl::unexpected<Error>(result.error());
  return std::get<engine::UpdateInfo>(*result).view;
}

}  // namespace atoll_core::peer
