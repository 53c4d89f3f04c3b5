#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Of a call that all have made, while nothing moves anywhere. Far more than any way is long, and
// less than the patience of any call: what ends only when somebody's patience does is found by it.
constexpr Duration kLongestStall = seconds(2);
// After the last fault, until what it has broken is found and mended.
constexpr Duration kConvalescence = seconds(10);
constexpr Duration kLook = milliseconds(100);

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
    look_for_stalls();
  }

  void call_began(const CallRecord& record) override {
    count_rounds();
    before_[record.number] = in_rounds_[record.process];
    if (record.callers == 0) return;
    Gathering& gathering = gatherings_[record.name];
    ++gathering.called;
    gathering.open.emplace(record.number, record);
    if (gathering.called == record.callers) gathering.complete_at = context_.world->now();
  }

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    count_rounds();
    check_time(record, "ended");
    before_.erase(record.number);
    leave_gathering(record);
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
  // A call of all that make it.
  struct Gathering {
    size_t called = 0;
    TimePoint complete_at = kNever;  // all have called
    std::map<uint64_t, CallRecord> open;  // by number
  };

  void leave_gathering(const CallRecord& record) {
    moved_at_ = context_.world->now();
    const auto found = gatherings_.find(record.name);
    if (record.callers == 0 || found == gatherings_.end()) return;
    found->second.open.erase(record.number);
    if (found->second.open.empty() && found->second.called == record.callers) {
      gatherings_.erase(found);
    }
  }

  void look_for_stalls() {
    const TimePoint now = context_.world->now();
    if (now < look_at_) return;
    look_at_ = now + kLook;
    uint64_t bytes = 0;
    for (const ProcessId process : context_.world->living()) {
      bytes += context_.world->engine(process).counters().payload_received;
    }
    if (bytes != bytes_) moved_at_ = now;
    bytes_ = bytes;
    if (context_.faults != faults_) calm_since_ = kNever;
    if (context_.quiet && calm_since_ == kNever) calm_since_ = now + kConvalescence;
    if (!within_.empty() && calm_since_ != kNever) calm_since_ = std::max(calm_since_, now);
    faults_ = context_.faults;
    if (calm_since_ == kNever) return;
    for (auto& [name, gathering] : gatherings_) {
      if (gathering.complete_at == kNever) continue;
      std::erase_if(gathering.open, [this](const auto& open) {
        return !context_.world->alive(open.second.process);
      });
      if (gathering.open.empty()) continue;
      const Duration stall = now - std::max({gathering.complete_at, moved_at_, calm_since_});
      if (stall <= kLongestStall) continue;
      if (!all_are_well()) return void(calm_since_ = now);
      return complain(fmt::format("{} does not end: all {} have made it, nothing moves for {} ms, "
                                  "and there is no fault", gathering.open.begin()->second.text(),
                                  gathering.called, to_ms(stall)));
    }
  }

  // All have what calls need. Who has lost its coordinator, say, waits for it with much patience.
  bool all_are_well() const {
    using Standing = membership::PeerMachine::Standing;
    const std::vector<ProcessId> living = context_.world->living();
    return std::all_of(living.begin(), living.end(), [this](ProcessId process) {
      const engine::EngineReport report =
          context_.world->engine(process).report(context_.world->now());
      const bool linked =
          std::all_of(report.links.begin(), report.links.end(),
                      [](const engine::LinkStatus& link) { return link.connections > 0; });
      const bool inside =
          report.standing == Standing::kMember || report.standing == Standing::kPending;
      return inside && linked && report.control.phase() == engine::ControlWatch::Phase::kUp;
    });
  }

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
  std::map<std::string, Gathering> gatherings_;  // by the call's name
  TimePoint look_at_{};
  uint64_t bytes_ = 0;     // of payload, received by all
  TimePoint moved_at_{};   // some came, or a call ended
  uint64_t faults_ = 0;    // so far
  TimePoint calm_since_{};  // no fault has consequences; kNever: one may have

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
