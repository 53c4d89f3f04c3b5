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
    const double weight =
        record.memory->bytes() == 0 ? 0 : total_weight(record.memory->call(), peers);
    if (info.weight != weight) {
      complain(fmt::format("{} is told a weight of {}, not {}", record.text(), info.weight,
                           weight));
    }
    Expected& expected = expected_[record.name + record.group];
    if (expected.peers != peers) {
      expected.peers = peers;
      expected.hash = kernels::hash64(expected_result(record.memory->call(), peers));
    }
    if (kernels::hash64(record.memory->result()) == expected.hash) return;
    complain(fmt::format("{}: {}", record.text(), record.memory->check_result(peers)));
  }

 private:
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
