#include "link/send_queue.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace atoll_core::link {

SendQueue::Flow& SendQueue::flow_of(const AttemptId& attempt) {
  const auto found = by_attempt_.find(attempt);
  if (found != by_attempt_.end()) return *found->second;
  Flow& flow = flows_.emplace_back();
  flow.attempt = attempt;
  by_attempt_.emplace(attempt, std::prev(flows_.end()));
  return flow;
}

void SendQueue::push_free(OutFrame frame) {
  free_bytes_ += own_bytes(frame);
  free_.push_back(std::move(frame));
}

void SendQueue::push_chunk(OutFrame frame) {
  Flow& flow = flow_of(frame.header.attempt);
  flow.frames.push_back(std::move(frame));
}

void SendQueue::grant(const AttemptId& attempt, uint64_t total) {
  if (total == 0) return;
  Flow& flow = flow_of(attempt);
  flow.granted = std::max(flow.granted, total);
}

void SendQueue::revoke(const AttemptId& attempt) {
  std::erase_if(free_, [&](const OutFrame& frame) {
    const bool goes = goes_with(frame.header, attempt);
    if (goes) free_bytes_ -= own_bytes(frame);
    return goes;
  });
  const auto found = by_attempt_.find(attempt);
  if (found == by_attempt_.end()) return;
  flows_.erase(found->second);
  by_attempt_.erase(found);
}

bool SendQueue::may_send(const Flow& flow) const {
  if (flow.frames.empty()) return false;
  const uint64_t after = flow.sent + flow.frames.front().header.payload_bytes;
  if (flow.granted != 0) return after <= flow.granted;
  return after <= limits::kEagerBytesPerAttempt &&
         eager_.may_send(eager_cost(flow.frames.front().header));
}

bool SendQueue::ready() const {
  if (!free_.empty()) return true;
  for (const Flow& flow : flows_) {
    if (may_send(flow)) return true;
  }
  return false;
}

std::optional<OutFrame> SendQueue::pop() {
  if (!free_.empty()) {
    OutFrame frame = std::move(free_.front());
    free_.pop_front();
    free_bytes_ -= own_bytes(frame);
    return frame;
  }
  for (Flow& flow : flows_) {
    if (!may_send(flow)) continue;
    OutFrame frame = std::move(flow.frames.front());
    flow.frames.pop_front();
    flow.sent += frame.header.payload_bytes;
    frame.header.eager = flow.granted == 0;
    if (frame.header.eager) eager_.send(eager_cost(frame.header));
    return frame;
  }
  return std::nullopt;
}

uint64_t SendQueue::waiting_frames() const {
  uint64_t frames = free_.size();
  for (const Flow& flow : flows_) frames += flow.frames.size();
  return frames;
}

}  // namespace atoll_core::link
