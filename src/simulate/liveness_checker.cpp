#include <map>
#include <set>

#include <fmt/format.h>

#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

class LivenessChecker final : public Checker {
 public:
  explicit LivenessChecker(CheckContext& context) : Checker(context, "liveness") {}

  // The grace of calls stands still while their peer is in a settle round.
  void after_event() override {
    count_rounds();
    within_.clear();
    for (const ProcessId process : context_.world->living()) {
      if (context_.world->engine(process).in_a_round()) within_.insert(process);
    }
  }

  void call_began(const CallRecord& record) override {
    count_rounds();
    before_[record.number] = in_rounds_[record.process];
  }

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    count_rounds();
    check_time(record, "ended");
    before_.erase(record.number);
    if (!result && !explained(record, result.error().code)) {
      complain(fmt::format("{} ended with {}, which nothing explains: {}", record.text(),
                           error_name(result.error().code), result.error().message));
    }
  }

  void at_end() override {
    for (const auto& trainer : context_.application->trainers()) {
      if (!context_.application->alive(*trainer)) continue;
      for (const auto& [number, record] : trainer->calls) check_time(record, "is still open");
    }
  }

 private:
  // What a process does while it stands still, it does late.
  void check_time(const CallRecord& record, const char* what) {
    // Once a segment of a call that keeps them stands, no deadline ends it.
    if (record.deadline == Duration{0} || record.keeps) return;
    const Duration stood = context_.world->stood_still(record.process);
    const auto in_rounds = in_rounds_.find(record.process);
    const auto before = before_.find(record.number);
    const Duration in_round = in_rounds == in_rounds_.end() || before == before_.end()
                                  ? Duration{0}
                                  : in_rounds->second - before->second;
    const Duration most = record.deadline + context_.outcome_grace + stood + in_round;
    const Duration took = context_.world->now() - record.began;
    if (took <= most + std::chrono::milliseconds(1)) return;
    complain(fmt::format("{} {} after {} ms; its deadline is {} ms", record.text(), what,
                         to_ms(took), to_ms(record.deadline)));
  }

  // Those who were in a round after the last event have been in it until now.
  void count_rounds() {
    const TimePoint now = context_.world->now();
    for (const ProcessId process : within_) in_rounds_[process] += now - last_;
    last_ = now;
  }

  std::map<ProcessId, Duration> in_rounds_;
  std::set<ProcessId> within_;  // a round, now
  std::map<uint64_t, Duration> before_;  // of a call's process, when it began
  TimePoint last_{};

  bool explained(const CallRecord& record, ErrorCode code) const {
    const bool faults = context_.faults > 0;
    const PlannedCall* call = record.memory ? &record.memory->call() : nullptr;
    switch (code) {
      case ErrorCode::kPeerLost:
        return faults && call != nullptr &&
               (!call->options.retry || call->kind == wire::OpKind::kSend);
      case ErrorCode::kRootLost: return call != nullptr && wire::has_root(call->kind);
      case ErrorCode::kTimeout: return faults || record.deadline > Duration{0};
      case ErrorCode::kCancelled: return context_.application->cancels() > 0;
      case ErrorCode::kStateConflict: return record.kind == CallKind::kSync;
      case ErrorCode::kDuplicatePeer: return faults && record.kind == CallKind::kConnect;
      case ErrorCode::kOtherInstance:
      case ErrorCode::kCoordinatorUnreachable:
      case ErrorCode::kOutcomeUnknown:
      case ErrorCode::kEvicted:
      case ErrorCode::kNotConnected: return faults;
      default: return false;
    }
  }
};

}  // namespace

std::unique_ptr<Checker> make_liveness_checker(CheckContext& context) {
  return std::make_unique<LivenessChecker>(context);
}

}  // namespace atoll_core::simulate
