#include "link/send_window.h"

#include <algorithm>
#include <utility>

#include "link/eager_credit.h"

namespace atoll_core::link {

const OutFrame& SendWindow::take(OutFrame frame, ConnectionKey connection) {
  frame.header.link_sequence = next_sequence_++;
  const uint64_t sequence = frame.header.link_sequence;
  const auto [at, inserted] =
      frames_.emplace(sequence, Record{std::move(frame), connection, false});
  return at->second.frame;
}

const OutFrame* SendWindow::take_lost(ConnectionKey connection) {
  while (!lost_.empty()) {
    const auto found = frames_.find(lost_.front());
    lost_.pop_front();
    if (found == frames_.end()) continue;  // acknowledged meanwhile: it had arrived after all
    found->second.lost = false;
    found->second.connection = connection;
    return &found->second.frame;
  }
  return nullptr;
}

bool SendWindow::acknowledge(uint64_t below) {
  if (below > next_sequence_) return false;
  for (auto at = frames_.begin(); at != frames_.end() && at->first < below;) {
    acknowledged_bytes_ += at->second.frame.header.payload_bytes;
    at = frames_.erase(at);
  }
  while (!lost_.empty() && lost_.front() < below) lost_.pop_front();
  return true;
}

void SendWindow::lose(ConnectionKey connection) {
  for (auto& [sequence, record] : frames_) {
    if (record.connection != connection || record.lost) continue;
    record.lost = true;
    lost_.push_back(sequence);
  }
}

void SendWindow::revoke(const AttemptId& attempt) {
  for (auto& [sequence, record] : frames_) {
    if (goes_with(record.frame.header, attempt)) make_skip(record.frame);
  }
}

bool SendWindow::has_lost_of_calls() const {
  return std::any_of(lost_.begin(), lost_.end(), [this](uint64_t sequence) {
    const auto found = frames_.find(sequence);
    return found != frames_.end() && found->second.frame.header.attempt != AttemptId{};
  });
}

void SendWindow::make_skip(OutFrame& frame) {
  const uint64_t sequence = frame.header.link_sequence;
  const AttemptId attempt = frame.header.attempt;
  const bool eager = frame.header.eager;
  const uint64_t cost = eager ? eager_cost(frame.header) : 0;
  frame = OutFrame{};
  frame.header.kind = wire::FrameKind::kSkip;
  frame.header.eager = eager;
  frame.header.detail = cost;
  frame.header.link_sequence = sequence;
  frame.header.attempt = attempt;
}

}  // namespace atoll_core::link
