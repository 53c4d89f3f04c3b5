// What the parts of an engine share: the configuration, the time of the current input, and the
// list of outputs. Owned by the engine; the parts hold references.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/buffer_pool.h"
#include "base/endpoint.h"
#include "base/time.h"
#include "engine/backup_pool.h"
#include "engine/call.h"
#include "engine/ended_calls.h"
#include "engine/flight_recorder.h"
#include "link/link.h"
#include "membership/peer/peer_machine.h"
#include "topology/plan.h"
#include "wire/hello.h"

namespace atoll_core::engine {

struct EngineConfig {
  membership::PeerConfig membership;
  uint32_t connections_per_link = 1;  // 0: by what is measured, see connection_count.h
  uint32_t chunk_bytes = topology::kNearChunkBytes;
  Duration dial_timeout = std::chrono::milliseconds(5000);
  // A data connection over which nothing has come for so long is given up and dialled again; sooner
  // where the coordinator is less patient with its peers. A heartbeat goes over each one all the
  // time, so that a process that stood still for 2 s loses none.
  Duration link_silence = std::chrono::milliseconds(3000);
  Duration link_heartbeat = std::chrono::milliseconds(500);
  link::RateStretch rate_stretch;  // in which links tell what they carry
  Duration update_timeout = std::chrono::minutes(10);
  Duration arrival_timeout = std::chrono::minutes(10);
  Duration progress_timeout = std::chrono::seconds(30);
  Duration outcome_grace = std::chrono::seconds(10);
  BackupConfig input_backup;
  BackupConfig received{64u << 20, 0, {}};  // chunks that wait for those of others
  ResultsKept results_kept;  // until they are known to be everywhere
  // Told the name of each moment listed in docs/HACKING.md, at once.
  std::function<void(const char* point)> trace;
};

using DialId = uint64_t;

namespace output {
struct OpenControl { uint32_t address = 0; };  // of the coordinators that were given
struct CloseControl {};
struct SendControl { std::string bytes; };
// A heartbeat that may be sent to the coordinator, again and again, when for longer than `interval`
// nothing else is, because whoever runs the engine is held up.
struct Pulse { std::string heartbeat; Duration interval; };
// Answered by Engine::on_dialed.
struct Dial { DialId dial; std::vector<Endpoint> candidates; wire::Hello hello; Duration timeout; };
// From now on bytes move through Engine::stream(key).
struct StartConnection { link::ConnectionKey key; };
// `cut`: what has not been sent is not worth waiting for.
struct CloseConnection { link::ConnectionKey key; std::string reason; bool cut = false; };
struct WakeWriter { link::ConnectionKey key; };
struct Log { int level; std::string text; };  // levels of spdlog
// A moment in docs/HACKING.md that has come when the outputs before it were carried out.
struct Trace { const char* point; };
// The peer is out of the run, for this reason; every call has ended.
struct Left { Error error; };
}  // namespace output

using EngineOutput =
    std::variant<output::OpenControl, output::CloseControl, output::SendControl, output::Pulse,
                 output::Dial, output::StartConnection, output::CloseConnection,
                 output::WakeWriter, output::Log, output::Trace, output::Left, CallEnded>;

struct Context {
  EngineConfig config;
  TimePoint now{};
  std::vector<EngineOutput> outputs;
  FlightRecorder flight{};
  BackupPool backups{config.input_backup};
  // Chunks of others that wait for more of them. What calls need is bounded by their schedules.
  BackupPool received{config.received};
  BufferPool buffers{};

  template <class Item>
  void emit(Item&& item) {
    outputs.emplace_back(std::forward<Item>(item));
  }
  void note(const FlightNote& event) { flight.note(now, event); }
  void log(int level, std::string text) { emit(output::Log{level, std::move(text)}); }
  // Told when the outputs so far have been carried out.
  void trace_after(const char* point) { emit(output::Trace{point}); }
  void trace(const char* point) const {
    if (config.trace) config.trace(point);
  }
};

}  // namespace atoll_core::engine
