#include "process/log_writer.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "process/thread.h"

namespace atoll_core::process {

struct LogWriter::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  Write write;
  std::deque<LogLine> queue;
  size_t bytes = 0;
  bool writing = false;
  bool ended = false;  // nothing more comes
  bool serving = false;
  std::thread::id server;

  // A callback may end the process, or what it is called for.
  bool is_server() const { return server == std::this_thread::get_id(); }

  bool has_room(const LogLine& line) const {
    return queue.size() < kLines && bytes + line.text.size() <= kBytes;
  }
  void put(LogLine line) {
    bytes += line.text.size();
    queue.push_back(std::move(line));
  }
  std::optional<LogLine> take() {
    if (queue.empty()) return std::nullopt;
    LogLine line = std::move(queue.front());
    queue.pop_front();
    bytes -= line.text.size();
    return line;
  }
  bool idle() const { return queue.empty() && !writing; }
};

LogWriter::LogWriter(Write write) : shared_(std::make_shared<Shared>()) {
  shared_->write = std::move(write);
}

LogWriter::~LogWriter() {
  Shared& shared = *shared_;
  std::unique_lock<std::mutex> lock(shared.mutex);
  shared.ended = true;
  shared.changed.notify_all();
  if (!shared.serving || shared.is_server()) return;
  shared.changed.wait_for(lock, kFarewell, [&] { return shared.idle(); });
  shared.queue.clear();
  shared.bytes = 0;
  shared.changed.wait(lock, [&] { return !shared.writing; });
}

void LogWriter::add(LogLine line) {
  Shared& shared = *shared_;
  const std::lock_guard<std::mutex> lock(shared.mutex);
  if (shared.has_room(line)) {
    shared.put(std::move(line));
  } else if (!shared.queue.empty() && shared.queue.back().left_out > 0) {
    ++shared.queue.back().left_out;
  } else {
    shared.put({line.level, {}, 1});
  }
  if (!shared.serving) {
    // It owns what it touches: nobody waits for one that stands in a write at the process's end.
    auto started = start_thread("atoll-log", [shared = shared_] { serve(*shared); });
    if (!started) return;
    shared.server = started->get_id();
    shared.serving = true;
    started->detach();
  }
  shared.changed.notify_all();
}

size_t LogWriter::waiting() const {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  return shared_->queue.size();
}

bool LogWriter::drain(Duration patience) {
  Shared& shared = *shared_;
  std::unique_lock<std::mutex> lock(shared.mutex);
  if (!shared.serving || shared.is_server()) return shared.idle();
  return shared.changed.wait_for(lock, patience, [&] { return shared.idle(); });
}

void LogWriter::serve(Shared& shared) {
  std::unique_lock<std::mutex> lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&] { return !shared.queue.empty() || shared.ended; });
    const std::optional<LogLine> line = shared.take();
    if (!line) return;
    shared.writing = true;
    lock.unlock();
    try {
      shared.write(*line);
    } catch (const std::exception&) {
      // There is nobody to tell.
    }
    lock.lock();
    shared.writing = false;
    if (shared.queue.empty() || shared.ended) shared.changed.notify_all();
  }
}

}  // namespace atoll_core::process
