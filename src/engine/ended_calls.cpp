#include "engine/ended_calls.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "engine/settle_report.h"

namespace atoll_core::engine {

size_t EndedCalls::report_bytes(const EndedCall& call) {
  return engine::report_bytes(call.contributors.size()) + call.reason.size();
}

size_t EndedCalls::result_bytes(const EndedCall& call) {
  return call.result == nullptr ? 0 : call.result->size() + kWeightBytes * call.weights.size();
}

void EndedCalls::add(const OpId& op, EndedCall call) {
  const size_t bytes = result_bytes(call);
  report_bytes_ += report_bytes(call);
  result_bytes_ += bytes;
  if (call.result != nullptr) ++results_;
  if (!call.committed) ++aborted_;
  ++untold_;
  untold_bytes_ += bytes;
  const bool inserted = calls_.emplace(op, std::move(call)).second;
  ATOLL_ASSERT(inserted, "{} ended twice", to_string(op));
  Progress& progress = names_[name_of(op)];
  progress.ended = std::max(progress.ended, op.sequence + 1);
  ++progress.kept;
}

const EndedCall* EndedCalls::find(const OpId& op) const {
  const auto found = calls_.find(op);
  return found == calls_.end() ? nullptr : &found->second;
}

std::vector<AttemptId> EndedCalls::forget(const wire::Watermark& stable) {
  std::vector<AttemptId> forgotten;
  const Name name{stable.generation, stable.group, stable.tag};
  auto call = calls_.lower_bound({stable.generation, stable.group, stable.tag, 0});
  while (call != calls_.end() && name_of(call->first) == name &&
         call->first.sequence < stable.below) {
    forgotten.push_back({call->first, call->second.epoch});
    call = erase(call);
  }
  return forgotten;
}

std::vector<AttemptId> EndedCalls::forget_while(
    const std::function<bool(const Generation&)>& is_forgotten) {
  std::vector<AttemptId> forgotten;
  while (!calls_.empty() && is_forgotten(calls_.begin()->first.generation)) {
    forgotten.push_back({calls_.begin()->first, calls_.begin()->second.epoch});
    erase(calls_.begin());
  }
  return forgotten;
}

EndedCalls::Calls::iterator EndedCalls::erase(Calls::iterator call) {
  const EndedCall& ended = call->second;
  if (ended.result != nullptr) {
    --results_;
    result_bytes_ -= result_bytes(ended);
  }
  report_bytes_ -= report_bytes(ended);
  if (!ended.committed) --aborted_;
  const auto name = names_.find(name_of(call->first));
  if (--name->second.kept == 0) names_.erase(name);
  return calls_.erase(call);
}

void EndedCalls::clear() { *this = EndedCalls(most_); }

bool EndedCalls::full() const {
  return results_ >= most_.results || result_bytes_ >= most_.bytes ||
         report_bytes_ >= limits::kReportBytesKept || calls_.size() >= limits::kCallsKept;
}

bool EndedCalls::should_tell_now() const {
  return untold_ >= most_.results / 4 || untold_bytes_ >= most_.bytes / 4 ||
         (untold_ > 0 && full()) || answers_.size() >= limits::kWatermarks;
}

std::vector<wire::Watermark> EndedCalls::take_untold(const FirstOpen& first_open) {
  std::vector<wire::Watermark> marks;
  for (auto& [name, progress] : names_) {
    wire::Watermark mark{name.generation, name.group, name.tag, 0};
    mark.below = std::min(progress.ended, first_open(mark));
    if (mark.below <= progress.told || marks.size() == limits::kWatermarks) continue;
    progress.told = mark.below;
    marks.push_back(mark);
  }
  untold_ = 0;
  untold_bytes_ = 0;
  for (auto answer = answers_.begin(); answer != answers_.end();) {
    if (marks.size() == limits::kWatermarks) break;
    const auto& [name, below] = *answer;
    wire::Watermark mark{name.generation, name.group, name.tag, 0};
    mark.below = std::min(below, first_open(mark));
    marks.push_back(mark);
    answer = answers_.erase(answer);
  }
  return marks;
}

void EndedCalls::answer(const OpId& op) {
  uint64_t& below = answers_[name_of(op)];
  below = std::max(below, op.sequence + 1);
}

void EndedCalls::tell_again() {
  for (auto& [name, progress] : names_) progress.told = 0;
  untold_ = calls_.size();
}

}  // namespace atoll_core::engine
