// What an engine tells of itself.
#include "engine/engine.h"

namespace atoll_core::engine {

void Engine::control_lost(const std::string& reason) {
  const bool again = control_.phase() == ControlWatch::Phase::kLost;
  control_.lost(context_.now, reason);
  if (!again) context_.note({FlightKind::kControlLost, nullptr, {}, 0, reason});
}

EngineReport Engine::report(TimePoint now) const {
  EngineReport report;
  report.now = now;
  report.self = membership_.self();
  report.run = run_;
  report.standing = membership_.standing();
  report.frozen = membership_.frozen();
  report.left = left_;
  report.view = membership_.view();
  report.control = control_;
  report.links = links_.status();
  report.egress_bytes_per_second = links_.egress_bytes_per_second();
  if (updating_) report.update = UpdateReport{updating_->since()};
  ledger_.report(report.calls);
  report.tables = ledger_.table_sizes();
  report.events = context_.flight.events();
  report.events_noted = context_.flight.noted();
  return report;
}

}  // namespace atoll_core::engine
