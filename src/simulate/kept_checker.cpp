#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

// Looks at all members that are in a call at once, which no member can.
class KeptChecker final : public Checker {
 public:
  explicit KeptChecker(CheckContext& context) : Checker(context, "kept segments") {}

  void call_began(const CallRecord& record) override { any_ = any_ || record.keeps; }

  void after_event() override {
    if (!any_) return;
    std::map<std::pair<std::string, OpId>, Extremes> calls;
    for (const auto& trainer : context_.application->trainers()) {
      if (!context_.application->alive(*trainer)) continue;
      const engine::Engine& engine = context_.world->engine(trainer->process);
      if (engine.left() || !engine.view()) continue;
      if (!context_.is_member(engine.view()->instance, engine.self().id)) continue;
      for (const engine::KeptReport& report : engine.kept()) {
        const bool apart = report.op.group == kGroupReplica;
        note(calls[{apart ? engine.self().replica : "", report.op}], engine, report.progress);
      }
    }
    for (const auto& [name, found] : calls) check(name.second, found);
  }

 private:
  struct Extremes {
    uint64_t stable_below = 0;
    uint64_t complete_below = UINT64_MAX;
    std::string let_go;  // who
    std::string lacks;
  };

  static void note(Extremes& found, const engine::Engine& engine,
                   const engine::KeptProgress& progress) {
    if (progress.stable_below > found.stable_below) {
      found.stable_below = progress.stable_below;
      found.let_go = engine.self().name;
    }
    if (progress.complete_below < found.complete_below) {
      found.complete_below = progress.complete_below;
      found.lacks = engine.self().name;
    }
  }

  void check(const OpId& op, const Extremes& found) {
    if (found.stable_below <= found.complete_below) return;
    complain(fmt::format("{} has let go of its input of {} below {}, but {} is complete only "
                         "below {}",
                         found.let_go, to_string(op), found.stable_below, found.lacks,
                         found.complete_below));
  }

  bool any_ = false;
};

}  // namespace

std::unique_ptr<Checker> make_kept_checker(CheckContext& context) {
  return std::make_unique<KeptChecker>(context);
}

}  // namespace atoll_core::simulate
