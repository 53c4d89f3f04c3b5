// Each invariant of a run has its checker, which looks only at what callers were told, at the views
// that engines show, and at memory. A checker complains with a sentence; the first one ends a run.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "simulate/application.h"
#include "simulate/call_record.h"
#include "simulate/statistics.h"
#include "simulate/world.h"

namespace atoll_core::simulate {

struct Violation {
  std::string invariant;  // the name of the checker
  std::string text;
};

// What checkers see, and where they complain.
struct CheckContext {
  const World* world = nullptr;
  const Application* application = nullptr;
  Statistics* statistics = nullptr;
  std::vector<Violation> violations;
  Duration outcome_grace{};  // of the engines
  uint64_t faults = 0;       // that have happened
  bool quiet = false;        // there are no more, and what they blocked is open
  bool new_runs = false;     // an operator has begun one beside another
  // The newest view of each instance that any engine has shown; its members are the members. Of
  // lives of the coordinator that have counted alike each has its own, and of those who are in one
  // of them alone nobody knows which will go on.
  std::map<InstanceId, std::vector<wire::View>> newest;

  bool is_member(InstanceId instance, PeerId peer) const {
    const auto views = newest.find(instance);
    if (views == newest.end()) return false;
    return std::all_of(views->second.begin(), views->second.end(), [&](const wire::View& view) {
      return std::any_of(view.members.begin(), view.members.end(),
                         [&](const wire::PeerInfo& member) { return member.id == peer; });
    });
  }
};

class Checker : public CallObserver {
 public:
  Checker(CheckContext& context, std::string name) : context_(context), name_(std::move(name)) {}

  void call_began(const CallRecord&) override {}
  void call_ended(const CallRecord&, const Result<engine::CallInfo>&) override {}
  // Something has happened.
  virtual void after_event() {}
  // The run is over, and was quiet for a while.
  virtual void at_end() {}

 protected:
  void complain(std::string text) { context_.violations.push_back({name_, std::move(text)}); }

  CheckContext& context_;

 private:
  const std::string name_;
};

// The result says that this peer is out of the run: what became of the call is not said.
inline bool is_unknown(const Result<engine::CallInfo>& result) {
  if (result) return false;
  const ErrorCode code = result.error().code;
  return code == ErrorCode::kOtherInstance ||
         (code >= ErrorCode::kCoordinatorUnreachable && code < ErrorCode::kOutOfMemory);
}

// 1. Two peers in one epoch have the same members in the same order. Keeps `newest`; goes first.
std::unique_ptr<Checker> make_view_checker(CheckContext& context);
// 2. A call ends the same way on every member, with the same contributors.
std::unique_ptr<Checker> make_verdict_checker(CheckContext& context);
// 3. A result consists of exactly the contributions that it reports, each once.
std::unique_ptr<Checker> make_contribution_checker(CheckContext& context);
// 4. All members of a group hold bit-identical results, of calls and of syncs.
std::unique_ptr<Checker> make_parity_checker(CheckContext& context);
// 5. Inputs are intact after an abort; a state's revision is never lost nor goes back.
std::unique_ptr<Checker> make_loss_checker(CheckContext& context);
// Input that somebody has let go of is in the result of all: what is stable anywhere is complete
// everywhere.
std::unique_ptr<Checker> make_kept_checker(CheckContext& context);
// A coordinator begins no run while members of another may come, and steps down only for one that
// has more.
std::unique_ptr<Checker> make_driving_checker(CheckContext& context);
// 6. Calls end in time, by results or by errors that something explains.
std::unique_ptr<Checker> make_liveness_checker(CheckContext& context);

}  // namespace atoll_core::simulate
