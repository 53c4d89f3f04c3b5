#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

class ViewChecker final : public Checker {
 public:
  explicit ViewChecker(CheckContext& context) : Checker(context, "view agreement") {}

  void call_ended(const CallRecord&, const Result<engine::CallInfo>&) override { after_event(); }

  void after_event() override {
    for (const auto& trainer : context_.application->trainers()) {
      if (!context_.application->alive(*trainer)) continue;
      const auto& view = context_.world->engine(trainer->process).view();
      if (!view) continue;
      Epoch& last = last_[trainer->process];
      if (last == view->epoch) continue;
      if (is_later(last, view->epoch)) {
        complain(fmt::format("{} went from view {} back to {}", trainer->identity.name,
                             to_string(last), to_string(view->epoch)));
      }
      last = view->epoch;
      compare(trainer->identity.name, *view);
    }
  }

 private:
  static std::string members_of(const wire::View& view) {
    std::vector<std::string> names;
    for (const wire::PeerInfo& member : view.members) {
      names.push_back(fmt::format("{} {}", to_string(member.id), member.name));
    }
    return fmt::format("generation {}: {}", to_string(view.generation), fmt::join(names, ", "));
  }

  void compare(const std::string& who, const wire::View& view) {
    note_newest(view);
    const auto [first, inserted] = views_.try_emplace(view.epoch, view);
    if (inserted || first->second == view) return;
    complain(fmt::format("view {} is ({}) on {}, and ({}) elsewhere", to_string(view.epoch),
                         members_of(view), who, members_of(first->second)));
  }

  void note_newest(const wire::View& view) {
    std::vector<wire::View>& newest = context_.newest[view.instance];
    std::erase_if(newest, [&](const auto& other) { return is_later(view.epoch, other.epoch); });
    const bool known = std::any_of(newest.begin(), newest.end(), [&](const auto& other) {
      return other.epoch == view.epoch || is_later(other.epoch, view.epoch);
    });
    if (!known) newest.push_back(view);
  }

  std::map<ProcessId, Epoch> last_;
  std::map<Epoch, wire::View> views_;  // as the first to show them did
};

}  // namespace

std::unique_ptr<Checker> make_view_checker(CheckContext& context) {
  return std::make_unique<ViewChecker>(context);
}

}  // namespace atoll_core::simulate
