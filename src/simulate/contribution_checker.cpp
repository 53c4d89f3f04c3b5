#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "kernels/hash.h"
#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

class ContributionChecker final : public Checker {
 public:
  explicit ContributionChecker(CheckContext& context) : Checker(context, "contributors") {}

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    if (record.kind != CallKind::kCollective || !result) return;
    const auto& info = std::get<engine::CollectiveInfo>(*result);
    const std::vector<PeerId>& peers = info.contributors;
    std::vector<PeerId> sorted = peers;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      complain(fmt::format("{} names a contributor twice", record.text()));
    }
    if (!std::binary_search(sorted.begin(), sorted.end(), record.self)) {
      complain(fmt::format("{} is committed without its own contribution", record.text()));
    }
    check_weights(record, info);
    Expected& expected = expected_[record.name + record.group];
    if (expected.peers != peers) {
      expected.peers = peers;
      expected.hash = kernels::hash64(expected_result(record.memory->call(), peers));
    }
    if (kernels::hash64(record.memory->result()) == expected.hash) return;
    complain(fmt::format("{}: {}", record.text(), record.memory->check_result(peers)));
  }

 private:
  // Each contributor's, whatever the result looks like.
  void check_weights(const CallRecord& record, const engine::CollectiveInfo& info) {
    const bool empty = record.memory->bytes() == 0;
    const PlannedCall& call = record.memory->call();
    const double total = empty ? 0 : total_weight(call, info.contributors);
    if (info.weight != total) {
      complain(fmt::format("{} is told a weight of {}, not {}", record.text(), info.weight, total));
    }
    if (info.weights.size() != info.contributors.size()) {
      return complain(fmt::format("{} is told {} weights of {} contributors", record.text(),
                                  info.weights.size(), info.contributors.size()));
    }
    for (size_t i = 0; i < info.weights.size(); ++i) {
      const double weight = empty ? 0 : weight_of(call, info.contributors[i]);
      if (info.weights[i] == weight) continue;
      complain(fmt::format("{} is told that {} weighs {}, not {}", record.text(),
                           to_string(info.contributors[i]), info.weights[i], weight));
    }
  }

  struct Expected {
    std::vector<PeerId> peers;
    uint64_t hash = 0;
  };
  std::map<std::string, Expected> expected_;
};

}  // namespace

std::unique_ptr<Checker> make_contribution_checker(CheckContext& context) {
  return std::make_unique<ContributionChecker>(context);
}

}  // namespace atoll_core::simulate
