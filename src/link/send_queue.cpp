#include "link/send_queue.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace atoll_core::link {

SendQueue::Flow& SendQueue::flow_of(const AttemptId& attempt) {
  const auto [at, begins] = flows_.try_emplace(attempt);
  if (begins) at->second.number = begun_++;
  return at->second;
}

SendQueue::Place SendQueue::place_of(const Flow& flow) const {
  if (flow.frames.empty()) return Place::kNone;
  const uint64_t after = flow.sent + flow.frames.front().header.payload_bytes;
  if (flow.granted != 0) return after <= flow.granted ? Place::kReady : Place::kNone;
  return after <= limits::kEagerBytesPerAttempt ? Place::kEager : Place::kNone;
}

void SendQueue::put_in_place(Flow& flow) {
  const Place place = place_of(flow);
  if (place == Place::kEager && eager_exhausted_) eager_exhausted_ = !has_credit(flow);
  if (place == flow.place) return;
  take_out(flow);
  flow.place = place;
  if (place == Place::kReady) ready_.emplace(flow.number, &flow);
  if (place == Place::kEager) eager_.emplace(flow.number, &flow);
}

void SendQueue::take_out(Flow& flow) {
  if (flow.place == Place::kReady) ready_.erase(flow.number);
  if (flow.place == Place::kEager) eager_.erase(flow.number);
  flow.place = Place::kNone;
}

void SendQueue::push_free(OutFrame frame) {
  free_bytes_ += own_bytes(frame);
  free_.push_back(std::move(frame));
}

void SendQueue::push_chunk(OutFrame frame) {
  Flow& flow = flow_of(frame.header.attempt);
  flow.frames.push_back(std::move(frame));
  ++chunks_;
  put_in_place(flow);
}

void SendQueue::grant(const AttemptId& attempt, uint64_t total) {
  if (total == 0) return;
  Flow& flow = flow_of(attempt);
  flow.granted = std::max(flow.granted, total);
  put_in_place(flow);
}

void SendQueue::revoke(const AttemptId& attempt) {
  std::erase_if(free_, [&](const OutFrame& frame) {
    const bool goes = goes_with(frame.header, attempt);
    if (goes) free_bytes_ -= own_bytes(frame);
    return goes;
  });
  const auto found = flows_.find(attempt);
  if (found == flows_.end()) return;
  take_out(found->second);
  chunks_ -= found->second.frames.size();
  flows_.erase(found);
}

SendQueue::Flow* SendQueue::next_eager() const {
  if (eager_exhausted_) return nullptr;
  for (const auto& [number, flow] : eager_) {
    if (has_credit(*flow)) return flow;
  }
  eager_exhausted_ = true;
  return nullptr;
}

bool SendQueue::ready() const {
  return !free_.empty() || !ready_.empty() || next_eager() != nullptr;
}

std::optional<OutFrame> SendQueue::pop() {
  if (!free_.empty()) {
    OutFrame frame = std::move(free_.front());
    free_.pop_front();
    free_bytes_ -= own_bytes(frame);
    return frame;
  }
  Flow* flow = next_eager();
  if (!ready_.empty() && (flow == nullptr || ready_.begin()->first < flow->number)) {
    flow = ready_.begin()->second;
  }
  if (flow == nullptr) return std::nullopt;
  OutFrame frame = std::move(flow->frames.front());
  flow->frames.pop_front();
  --chunks_;
  flow->sent += frame.header.payload_bytes;
  frame.header.eager = flow->granted == 0;
  if (frame.header.eager) credit_.send(eager_cost(frame.header));
  put_in_place(*flow);
  return frame;
}

}  // namespace atoll_core::link
