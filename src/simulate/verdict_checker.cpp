#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulate/claims.h"

namespace atoll_core::simulate {
namespace {

class VerdictChecker final : public Checker {
 public:
  explicit VerdictChecker(CheckContext& context)
      : Checker(context, "verdict agreement"), verdicts_(context), contributors_(context) {}

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    if (record.name.empty() || is_unknown(result)) return;
    const auto* info = result ? std::get_if<engine::CollectiveInfo>(&*result) : nullptr;
    std::string verdict = "committed";
    if (!result) verdict = std::string(error_name(result.error().code));
    // The same for all groups: each has one contributor of each of the same replicas.
    if (info != nullptr) verdict += " by " + replicas_of(record, info->contributors);
    compare(verdicts_, record, record.name, std::move(verdict));
    if (info == nullptr) return;
    std::vector<std::string> peers;
    for (const PeerId peer : info->contributors) peers.push_back(to_string(peer));
    std::string text = fmt::format("contributors {}", fmt::join(peers, ", "));
    // Of an all-to-all each counts what comes to it.
    const bool alike =
        record.memory == nullptr || record.memory->call().kind != wire::OpKind::kAllToAll;
    for (const engine::ContributedRange& range : info->ranges) {
      text += fmt::format("; {} below {}", range.contributors.size(), alike ? range.end : 0);
    }
    compare(contributors_, record, record.name + " of " + record.group, std::move(text));
  }

 private:
  // "3 peers of replicas 0, 1, 4", which are counted by their slots.
  static std::string replicas_of(const CallRecord& record,
                                 const std::vector<PeerId>& contributors) {
    std::set<std::ptrdiff_t> replicas;
    for (const PeerId peer : contributors) {
      const auto slot = std::find(record.slots.begin(), record.slots.end(), peer);
      replicas.insert((slot - record.slots.begin()) / record.shards);
    }
    return fmt::format("{} peers of replicas {}", contributors.size(),
                       fmt::join(replicas, ", "));
  }

  void compare(Claims& claims, const CallRecord& record, const std::string& about,
               std::string text) {
    const auto other = claims.add(about, {record.instance, record.self, record.who, text});
    if (!other) return;
    complain(fmt::format("{} was told \"{}\", and {} \"{}\"", record.text(), text, other->who,
                         other->text));
  }

  Claims verdicts_;
  Claims contributors_;
};

}  // namespace

std::unique_ptr<Checker> make_verdict_checker(CheckContext& context) {
  return std::make_unique<VerdictChecker>(context);
}

}  // namespace atoll_core::simulate
