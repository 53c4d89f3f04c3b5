#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "membership/coordinator/driving_rights.h"
#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

// A dial that begins while the way is blocked asks again after 1 and 3 s, and times out after 5 s:
// a member whose way is open so long after a coordinator has started is there in time.
constexpr Duration kWayOpenAfter = std::chrono::milliseconds(3500);

// Looks at what coordinators do as an operator sees it, and at what the members of runs were told.
class DrivingChecker final : public Checker {
 public:
  explicit DrivingChecker(CheckContext& context) : Checker(context, "who drives") {}

  void after_event() override {
    for (size_t address = 0; address < context_.world->coordinators(); ++address) {
      const VirtualCoordinator& coordinator = context_.world->coordinator(address);
      Seen& seen = seen_[address];
      const uint64_t steps_down = coordinator.totals().steps_down;
      if (coordinator.for_new_run() && coordinator.began() != seen.began) {
        given_up_ = instances_;  // their operator begins anew
      }
      seen.began = coordinator.began();
      const bool drove = seen.members > 0;
      if (steps_down > seen.steps_down && drove) check_step(seen, coordinator);
      seen.steps_down = steps_down;
      const membership::CoordinatorStatus status = coordinator.status();
      if (status.instance && status.instance != seen.instance) begun(address, status.instance);
      seen.instance = status.instance;
      seen.life = status.incarnation;
      seen.epoch = status.epoch;
      seen.members = 0;
      seen.connected.clear();
      for (const auto& peer : status.peers) {
        if (peer.standing != "pending") ++seen.members;
        if (peer.standing == "member") seen.connected.push_back(peer.info.id);
      }
      // Its last member has left of its own will, perhaps after others had been lost: it is over.
      const bool ended = drove && seen.members == 0 && status.left > seen.left;
      if (ended) given_up_.insert(seen.instance);
      seen.left = status.left;
    }
  }

 private:
  struct Seen {
    InstanceId instance;
    Incarnation life;
    Epoch epoch{};
    TimePoint began{};
    size_t members = 0;
    std::vector<PeerId> connected;
    uint64_t steps_down = 0;
    uint64_t left = 0;  // replicas, so far
  };

  // Members of another instance that could have told of it.
  void begun(size_t address, InstanceId instance) {
    const World& world = *context_.world;
    const bool known = !instances_.insert(instance).second;
    if (known || world.coordinators() > 1 || world.coordinator(address).for_new_run()) return;
    const TimePoint began = world.coordinator(address).began();
    for (const auto& trainer : context_.application->trainers()) {
      if (!context_.application->alive(*trainer) || world.left(trainer->process)) continue;
      const auto& view = world.engine(trainer->process).view();
      if (!view || view->instance == instance) continue;
      if (given_up_.count(view->instance) != 0) continue;
      if (world.reachable_since(trainer->process, address) > began + kWayOpenAfter) continue;
      complain(fmt::format("instance {} was begun {} ms after its coordinator had started, while "
                           "{} was on its way there from instance {}",
                           to_string(instance), to_ms(world.now() - began),
                           trainer->identity.name, to_string(view->instance)));
    }
  }

  // By the view in which it drove; when nobody shows that any more, nobody can tell.
  bool had_majority(const Seen& seen) const {
    const std::set<PeerId> there(seen.connected.begin(), seen.connected.end());
    for (const auto& trainer : context_.application->trainers()) {
      if (!context_.application->alive(*trainer)) continue;
      const auto& view = context_.world->engine(trainer->process).view();
      if (!view || view->epoch != seen.epoch || view->instance != seen.instance) continue;
      return membership::quorum(*view, there).majority();
    }
    return false;
  }

  // It had the majority of its run, and of another life that has counted alike nobody who lives
  // knows of more than its own members do.
  void check_step(const Seen& seen, const VirtualCoordinator& coordinator) {
    if (!had_majority(seen)) return;
    wire::RunHistory own;
    std::optional<wire::RunHistory> theirs;
    for (const auto& trainer : context_.application->trainers()) {
      if (!context_.application->alive(*trainer)) continue;
      const engine::Engine& engine = context_.world->engine(trainer->process);
      if (!engine.view() || engine.view()->instance != seen.instance) continue;
      const Incarnation life = engine.coordinator_life();
      if (life.counter > seen.life.counter) return;
      if (life.counter < seen.life.counter) continue;
      const wire::RunHistory history = engine.memory().history;
      if (life == seen.life) own = std::max(own, history);
      else theirs = std::max(theirs.value_or(wire::RunHistory{}), history);
    }
    if (!theirs || *theirs > own) return;  // who came from it may have died since
    complain(fmt::format("{} stepped down with {} of {} members connected, although the other life "
                         "that has counted alike has committed {}, and it {}: {}",
                         to_string(seen.life), seen.connected.size(), seen.members,
                         to_string(*theirs), to_string(own), coordinator.events().back()));
  }

  std::map<size_t, Seen> seen_;
  std::set<InstanceId> instances_;
  std::set<InstanceId> given_up_;
};

}  // namespace

std::unique_ptr<Checker> make_driving_checker(CheckContext& context) {
  return std::make_unique<DrivingChecker>(context);
}

}  // namespace atoll_core::simulate
