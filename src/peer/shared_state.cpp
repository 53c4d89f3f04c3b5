#include "peer/shared_state.h"

#include <utility>
#include <vector>

#include "peer/calls.h"
#include "state/digest.h"

namespace atoll_core::peer {
namespace {

constexpr std::string_view kTheState = "the state";

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
  const Occupied occupied(occupancy_, kTheState);
  if (!occupied.taken()) return occupied.taken();
  return table_.add_tensor(name, data, type, count);
}

SharedState::~SharedState() { withdraw(); }

void SharedState::withdraw() {
  if (!publication_->close()) return;
  // A session that is gone has ended its thread before.
  if (const std::shared_ptr<Session> session = server_.lock()) session->withdraw(publication_);
}

Result<void> SharedState::begin_write() {
  const Occupied occupied(occupancy_, kTheState);
  if (!occupied.taken()) return occupied.taken();
  withdraw();
  return table_.begin_write();
}

Result<void> SharedState::publish(uint64_t revision) {
  const Occupied occupied(occupancy_, kTheState);
  if (!occupied.taken()) return occupied.taken();
  return table_.publish(revision);
}

Result<uint64_t> SharedState::revision() const {
  const Occupied occupied(occupancy_, kTheState);
  if (!occupied.taken()) return tl::unexpected<Error>(occupied.taken().error());
  return table_.revision();
}

// Also when the thread is cancelled in it: the call has ended then, and what was committed is so
// all the same.
std::shared_ptr<AwaitedCall> SharedState::start(
    Session& session, uint64_t tag, const std::function<std::shared_ptr<AwaitedCall>()>& begin) {
  try {
    return begin();
  } catch (...) {
    end_call(session, tag);
    throw;
  }
}

Result<std::shared_ptr<AwaitedCall>> SharedState::start_sync(
    const std::shared_ptr<Session>& session, const SyncOptions& options, Caller caller) {
  if (auto taken = occupancy_.take(caller, kTheState); !taken) return tl::unexpected(taken.error());
  if (table_.writing()) {
    occupancy_.release();
    return fail(ErrorCode::kInvalidUsage,
                "the state is being written: it can be synced after atollStatePublish");
  }
  return start(*session, options.tag, [&] {
    if (server_.lock() != session) withdraw();
    server_ = session;
    auto call = std::make_shared<engine::SyncCall>();
    call->table = &table_;
    call->digests = state::compute_digests(table_);
    call->strategy = options.strategy;
    call->options.tag = options.tag;
    call->options.deadline = options.deadline;
    call->publication = publication_;
    return session->call_in_flight(
        [call](engine::Engine& engine, TimePoint at, engine::CallId id) {
          engine.sync(at, id, std::move(*call));
        },
        caller);
  });
}

Result<std::shared_ptr<AwaitedCall>> SharedState::start_update(
    const std::shared_ptr<Session>& session, const FollowOptions& options, Caller caller) {
  if (auto taken = occupancy_.take(caller, kTheState); !taken) return tl::unexpected(taken.error());
  if (table_.writing()) {
    occupancy_.release();
    return fail(ErrorCode::kInvalidUsage,
                "the state is being written: it can follow others after atollStatePublish");
  }
  return start(*session, options.tag, [&] {
    withdraw();
    auto follow = std::make_shared<engine::FollowCall>();
    follow->table = &table_;
    follow->digests = state::compute_digests(table_);
    follow->tag = options.tag;
    follow->patience = options.patience;
    return session->call(
        [follow](engine::Engine& engine, TimePoint at, engine::CallId id) {
          engine.update(at, id, std::move(*follow));
        },
        caller);
  });
}

void SharedState::end_call(Session& session, uint64_t tag) {
  commit_->set(table_.committed());
  session.note_synced(tag, state::layout_of(table_), commit_);
  occupancy_.release();
}

}  // namespace atoll_core::peer
