// One stay in a run: an engine, the network, and the I/O thread that runs both.
//
// Threads. The engine, the network and what only they are about belong to the thread that holds
// `baton_`: the I/O thread, or a caller that waits for its call and finds the baton free. Everybody
// else reaches them by post(). `awaited_`, `failure_` and the snapshot are shared, under `mutex_`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "peer/commit_record.h"
#include "peer/descriptor_watch.h"
#include "peer/loop_baton.h"
#include "peer/awaited_call.h"
#include "process/log.h"
#include "transport/network.h"

namespace atoll_core::peer {

struct SessionConfig {
  engine::EngineConfig engine;
  std::vector<Endpoint> coordinators;  // at least one; tried in turn
  std::string bind_host;
  uint16_t bind_port = 0;
  // Port 0: the listening one. Empty: found out when there is a connection to the coordinator.
  std::vector<Endpoint> advertise;
  // The states that the communicator has synced in the run that it was in.
  CommitRecords commits;
  std::shared_ptr<spdlog::logger> logger;
};

// What other threads may know without asking the engine.
struct Snapshot {
  std::optional<wire::View> view;
  PeerId self;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  size_t connections = 0;
  engine::BackupCounters input_backup;
  wire::RunMemory memory;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> create(SessionConfig config);
  // Leaves when still in, and joins the thread.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  using Start = std::function<void(engine::Engine&, TimePoint now, engine::CallId)>;
  // Any thread. `start` runs on the thread that runs the loop, after those of the calls that the
  // same thread made before. For a caller that waits the call may have ended on return.
  std::shared_ptr<AwaitedCall> call(Start start, Caller caller = Caller::kGoesOn);
  // The same of a call that counts as one in flight, a collective or a sync. Where as many are in
  // flight as may be, waits for room, and at most as long as the engine waits for others to call; a
  // call that then has no name yet ends in atollInvalidUsage. So peers that make the same calls
  // refuse none, or the same.
  std::shared_ptr<AwaitedCall> call_in_flight(Start start, Caller caller);
  void cancel(engine::CallId call);
  // On return the I/O thread reads nothing of this publication, which its owner has closed.
  void withdraw(std::shared_ptr<state::Publication> publication);
  // What the way to this peer, or without one to all together, was found to carry.
  void note_rate(std::optional<PeerId> peer, uint64_t bytes_per_second);
  // A state of this layout was synced under this tag.
  void note_synced(uint64_t tag, uint64_t layout,
                   const std::shared_ptr<const CommitRecord>& record);
  // What the communicator's next session is to know, put into its config.
  void pass_on_memory(SessionConfig& next) const;
  // Leaves the run; calls that are awaited end with `reason`. Returns when that is done: at once,
  // or when others have what only this peer can give them, which takes a bounded time.
  void leave(Error reason, bool at_once);
  // Resets all data connections, as a bad network would. Returns when that is done.
  Result<void> reset_connections();

  bool left() const { return left_.load(); }
  uint16_t listening_port() const { return listening_port_; }
  Snapshot snapshot() const;
  // The engine as it stands, also after it has left; none when the I/O thread does not answer
  // within `limit`.
  std::optional<engine::EngineReport> report(Duration limit) const;
  bool io_ended() const { return io_ended_.load(); }
  spdlog::logger& logger() const { return *config_.logger; }

 private:
  class Stream;

  explicit Session(SessionConfig config);
  Result<void> open();
  void run();
  // Whoever has the baton. False: the loop has failed.
  bool in_loop(const std::function<void()>& work);
  // Until the call has ended, or for as long as its caller may be kept; `begin` begins it, and so
  // much had been asked of the loop before.
  void lend_thread(const AwaitedCall& call, std::function<void()> begin, uint64_t asked);
  void post(std::function<void()> task) const;
  bool at_rest() const;
  void pump();
  void carry_out(engine::EngineOutput& item);
  void open_control(uint32_t address);
  void find_own_addresses(const transport::Network::ControlEnds& ends);
  void dial(engine::output::Dial& request);
  void start_connection(link::ConnectionKey key);
  void close_connection(link::ConnectionKey key, bool cut = false);
  link::ConnectionKey adopt(transport::Connection* connection);
  // Gives a start its call, which has ended if the session has.
  std::shared_ptr<AwaitedCall> open_call(Caller caller, bool in_flight);
  void begin_call(const std::shared_ptr<AwaitedCall>& call, Start start);
  // Begins what waits for others to end what has ended here, or refuses it when its time is over.
  void begin_held();
  void finish(engine::CallId call, Result<engine::CallInfo> result);
  void finish_all(const Error& error);
  void finish_leaving();
  void publish_snapshot();

  SessionConfig config_;
  std::unique_ptr<engine::Engine> engine_;
  std::map<link::ConnectionKey, std::unique_ptr<Stream>> streams_;
  link::ConnectionKey next_key_ = 1;
  std::vector<engine::CallId> leaving_;
  // Starts that the engine has no room for yet, in their order.
  struct Held {
    engine::CallId call = 0;
    Start start;
    TimePoint until{};
  };
  std::deque<Held> held_;
  bool pumping_ = false;
  std::vector<engine::EngineOutput> outputs_;  // that are carried out; its memory is used again
  mutable uint64_t tasks_done_ = 0;  // of post()
  bool rest_wanted_ = false;
  Error loop_failure_{ErrorCode::kInternalError, "the I/O thread has ended"};
  TimePoint timer_ = kNever;
  uint16_t listening_port_ = 0;
  bool finds_own_addresses_ = false;
  DescriptorWatch descriptor_watch_;
  std::atomic<bool> left_{false};
  std::atomic<bool> io_ended_{false};

  mutable std::mutex mutex_;
  std::map<engine::CallId, std::shared_ptr<AwaitedCall>> awaited_;
  engine::CallId next_call_ = 1;
  size_t in_flight_ = 0;             // of awaited_
  std::condition_variable room_;     // for one more of them
  std::optional<Error> failure_;
  Snapshot snapshot_;
  CommitRecords commits_;

  mutable LoopBaton baton_;
  std::unique_ptr<transport::Network> network_;  // closed before what its callbacks refer to
  std::thread thread_;
};

}  // namespace atoll_core::peer
