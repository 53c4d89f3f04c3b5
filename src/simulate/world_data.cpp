// The data connections of the virtual world: dialling, listening, moving bytes.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "simulate/process.h"

namespace atoll_core::simulate {

// ---- dialling ----------------------------------------------------------------------------------

Path World::path_between(ProcessId one, ProcessId other) const {
  return config_.path ? config_.path(std::min(one, other), std::max(one, other)) : Path{};
}

Delays World::data_delays(ProcessId one, ProcessId other) const {
  const Duration longer = path_between(one, other).longer;
  return {config_.data_delays.least + longer, config_.data_delays.most + longer};
}

ProcessId World::listener_at(const Endpoint& address) const {
  const auto found = ports_.find(address.port);
  return found == ports_.end() ? 0 : found->second;
}

Endpoint World::address_of(const Process& process) { return {"virtual", process.port}; }

void World::dial(Process& process, const engine::output::Dial& request) {
  const ProcessId id = process.id;
  process.dials[request.dial] = true;
  engine::DialResult silence;
  silence.reason = "no answer";
  finish_dial_later(id, request.dial, request.timeout, silence);
  const ProcessId listener = listener_at(request.candidates.front());
  if (listener == 0) return;
  const Delays delays = data_delays(id, listener);
  const Duration delay = random_.between(delays.least, delays.most);
  time_.after(delay, [this, id, listener, request] { answer_dial(id, listener, request); });
}

void World::answer_dial(ProcessId dialler, ProcessId listener,
                        const engine::output::Dial& request) {
  // Its kernel tries again until the way is open, and that of a listener that stands still keeps
  // the hello for it.
  const TimePoint ready = std::max(network_.passable_at(dialler, listener),
                                   network_.open_at(listener, dialler));
  if (ready > now()) {
    if (ready == kNever) return;
    time_.at(ready, [this, dialler, listener, request] {
      answer_dial(dialler, listener, request);
    });
    return;
  }
  const Delays delays = data_delays(dialler, listener);
  const Duration back = random_.between(delays.least, delays.most);
  engine::DialResult result;
  const Endpoint& address = request.candidates.front();
  if (listener_at(address) != listener) return;  // it moves away meanwhile
  Process* there = find(listener);
  if (there == nullptr || !there->can_be_dialled) {
    result.refused = true;
    result.refused_at = {to_string(address)};
    result.reason = "connection refused";
    return finish_dial_later(dialler, request.dial, back, result);
  }
  const engine::LinkTable::Answer answer = there->engine->on_hello(now(), request.hello);
  result.answer = answer.hello;
  if (answer.hello.session != request.hello.target_session) {
    result.refused = true;
    result.refused_at = {to_string(address)};
    result.reason = "somebody else answers there";
    return finish_dial_later(dialler, request.dial, back, result);
  }
  result.answered = true;
  result.address = to_string(address);
  result.rtt_us = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(2 * delays.least).count());
  if (!answer.keep) {
    result.reason = "the listener wants no link";
    return finish_dial_later(dialler, request.dial, back, result);
  }
  auto connection = std::make_shared<Connection>(place(), delays, dialler, listener);
  const link::ConnectionKey key = adopt(*there, connection, Connection::kListener);
  // Until its hello is answered, the dialler's end only hears of a close.
  connection->attach(Connection::kDialler,
                     {{}, [this, dialler, dial = request.dial](const std::string& reason) {
                        engine::DialResult lost;
                        lost.reason = reason;
                        finish_dial(dialler, dial, lost);
                      }});
  // It lies in the connection itself, and may lie there to the end of the world.
  const std::weak_ptr<Connection> within = connection;
  connection->tell(Connection::kListener,
                   [this, dialler, within, dial = request.dial, result]() mutable {
    const std::shared_ptr<Connection> self = within.lock();
    Process* here = find(dialler);
    const bool wanted = here != nullptr && here->dials.count(dial) != 0;
    if (!wanted) return self->abandon(Connection::kDialler, "reset by peer");
    result.key = adopt(*here, self, Connection::kDialler);
    finish_dial(dialler, dial, result);
  });
  there->engine->on_accepted(now(), key, request.hello, answer.hello);
  pump(listener);
}

void World::finish_dial_later(ProcessId dialler, engine::DialId dial, Duration delay,
                              const engine::DialResult& result) {
  at(dialler, now() + delay, [this, dialler, dial, result] { finish_dial(dialler, dial, result); });
}

void World::finish_dial(ProcessId dialler, engine::DialId dial, engine::DialResult result) {
  Process* process = find(dialler);
  if (process == nullptr || process->dials.erase(dial) == 0) return;
  process->engine->on_dialed(now(), dial, result);
  pump(dialler);
}

link::ConnectionKey World::adopt(Process& process,
                                        std::shared_ptr<Connection> connection,
                                        Connection::End end) {
  const link::ConnectionKey key = process.next_key++;
  const ProcessId id = process.id;
  connection->attach(end, {[this, id, key](ByteSpan bytes) {
                             find(id)->ends.at(key).inbox += as_text(bytes);
                             read(id, key);
                           },
                           [this, id, key](const std::string& reason) {
                             find(id)->ends.at(key).closed = reason;
                             read(id, key);
                           }});
  DataEnd& place = process.ends[key];
  place.connection = std::move(connection);
  place.end = end;
  return key;
}

// ---- the life of an end ------------------------------------------------------------------------

void World::start(Process& process, link::ConnectionKey key) {
  const auto found = process.ends.find(key);
  if (found == process.ends.end()) return;
  found->second.started = true;
  schedule_write(process.id, key, Duration{0});
  at(process.id, now(), [this, id = process.id, key] { read(id, key); });
}

void World::close_end(Process& process, link::ConnectionKey key, const std::string& reason) {
  const auto found = process.ends.find(key);
  if (found == process.ends.end()) return;
  const DataEnd end = std::move(found->second);
  process.ends.erase(found);
  end.connection->close(end.end, "closed by the peer: " + reason);
}

void World::end_closed(ProcessId id, link::ConnectionKey key, const std::string& reason) {
  Process* process = find(id);
  close_end(*process, key, reason);
  process->engine->on_closed(now(), key, reason);
  pump(id);
}

World::DataEnd* World::random_end(ProcessId id) {
  Process* process = find(id);
  if (process == nullptr || process->ends.empty()) return nullptr;
  auto chosen = process->ends.begin();
  std::advance(chosen, static_cast<long>(random_.below(process->ends.size())));
  return &chosen->second;
}

bool World::cut_connection(ProcessId id) {
  const DataEnd* end = random_end(id);
  if (end != nullptr) end->connection->cut("connection reset by something between");
  return end != nullptr;
}

bool World::half_open_connection(ProcessId id) {
  const DataEnd* end = random_end(id);
  if (end != nullptr) end->connection->forget(end->end, config_.kernel_patience);
  return end != nullptr;
}

void World::separate(ProcessId one, ProcessId other) {
  network_.separate(one, other);
  Process* here = find(one);
  Process* there = find(other);
  if (here == nullptr || there == nullptr) return;
  for (const auto& [key, end] : here->ends) {
    for (const auto& [other_key, other_end] : there->ends) {
      if (end.connection == other_end.connection) end.connection->sever("no route to host");
    }
  }
}

void World::corrupt_next_byte(ProcessId process) { find(process)->corrupt_next = true; }

// ---- moving bytes ------------------------------------------------------------------------------

void World::read(ProcessId id, link::ConnectionKey key) {
  for (;;) {
    Process* process = find(id);
    if (process == nullptr) return;
    const auto found = process->ends.find(key);
    if (found == process->ends.end() || !found->second.started) return;
    DataEnd& end = found->second;
    link::FrameStream* stream = process->engine->stream(key);
    if (stream == nullptr) end.inbox.clear();
    if (end.inbox.empty()) {
      if (const std::optional<std::string> reason = end.closed) end_closed(id, key, *reason);
      return;
    }
    if (std::exchange(process->corrupt_next, false)) {
      end.inbox[random_.below(end.inbox.size())] ^= static_cast<char>(random_.between(1, 255));
    }
    std::array<MutableByteSpan, 4> spans;
    const size_t used = stream->read_spans(spans);
    size_t moved = 0;
    size_t budget = std::min<size_t>(end.inbox.size(),
                                     random_.between(1, config_.bytes_per_move_max));
    for (size_t i = 0; i < used && budget > 0; ++i) {
      const size_t part = std::min(spans[i].size(), budget);
      std::memcpy(spans[i].data(), end.inbox.data() + moved, part);
      moved += part;
      budget -= part;
    }
    end.inbox.erase(0, moved);
    process->engine->set_now(now());
    const bool whole = stream->on_read(now(), moved);
    const std::string broken = whole ? "" : stream->broken_reason();
    pump(id);
    if (!whole && alive(id)) return end_closed(id, key, broken);
  }
}

void World::schedule_write(ProcessId id, link::ConnectionKey key, Duration delay) {
  Process* process = find(id);
  const auto found = process->ends.find(key);
  if (found == process->ends.end() || std::exchange(found->second.write_scheduled, true)) return;
  at(id, now() + delay, [this, id, key] { write(id, key); });
}

void World::write(ProcessId id, link::ConnectionKey key) {
  Process* process = find(id);
  if (process == nullptr) return;
  const auto found = process->ends.find(key);
  if (found == process->ends.end()) return;
  DataEnd& end = found->second;
  end.write_scheduled = false;
  link::FrameStream* stream = process->engine->stream(key);
  if (!end.started || stream == nullptr || !end.connection->open(end.end)) return;
  const uint64_t in_flight = end.connection->in_flight(end.end);
  if (in_flight >= config_.bytes_in_flight_max) {
    return schedule_write(id, key, config_.data_delays.least + std::chrono::microseconds(100));
  }
  std::array<ByteSpan, 16> spans;
  const size_t used = stream->write_spans(spans);
  size_t budget = std::min<size_t>(config_.bytes_in_flight_max - in_flight,
                                   random_.between(1, config_.bytes_per_move_max));
  std::string bytes;
  for (size_t i = 0; i < used && budget > 0; ++i) {
    const ByteSpan part = spans[i].first(std::min(spans[i].size(), budget));
    bytes += as_text(part);
    budget -= part.size();
  }
  if (bytes.empty()) return;
  stream->on_written(bytes.size());
  process->due = process->engine->next_deadline();
  const ProcessId there = end.connection->node(Connection::other(end.end));
  const uint64_t own_rate = path_between(id, there).bytes_per_second;
  const uint64_t rate = own_rate == 0 ? config_.bytes_per_second : own_rate;
  const Duration busy(static_cast<int64_t>(bytes.size() * 1'000'000'000 / rate));
  end.connection->send(end.end, std::move(bytes));
  schedule_write(id, key, busy);
}

}  // namespace atoll_core::simulate
