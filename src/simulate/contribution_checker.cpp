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
    count(record.memory->call().kind);
    for (const engine::ContributedRange& range : info.ranges) check_range(record, range);
    check_order(record, info);
    const PlannedCall& call = record.memory->call();
    const std::string self = same_for_all(call) ? "" : to_string(record.self);
    Expected& expected = expected_[record.name + record.group + self];
    if (expected.ranges != info.ranges) {
      expected.ranges = info.ranges;
      expected.hash = kernels::hash64(expected_result(call, record.self, info.ranges));
    }
    if (kernels::hash64(record.memory->result()) == expected.hash) return;
    complain(fmt::format("{}: {}", record.text(), record.memory->check_result(info.ranges)));
  }

 private:
  void count(wire::OpKind kind) {
    constexpr std::pair<wire::OpKind, Count> kCounted[] = {
        {wire::OpKind::kReduceScatter, Count::kReduceScatters},
        {wire::OpKind::kAllGather, Count::kAllGathers},
        {wire::OpKind::kReduce, Count::kReduces},
        {wire::OpKind::kGather, Count::kGathers},
        {wire::OpKind::kScatter, Count::kScatters},
        {wire::OpKind::kSend, Count::kSends},
        {wire::OpKind::kAllToAll, Count::kAllToAlls}};
    for (const auto& [counted, what] : kCounted) {
      if (kind == counted) context_.statistics->add(what);
    }
  }

  void check_range(const CallRecord& record, const engine::ContributedRange& range) {
    std::vector<PeerId> sorted = range.contributors;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      complain(fmt::format("{} names a contributor twice", record.text()));
    }
    if (!std::binary_search(sorted.begin(), sorted.end(), record.self)) {
      complain(fmt::format("{} is committed without its own contribution", record.text()));
    }
  }

  // Each contributor's, whatever the result looks like.
  void check_weights(const CallRecord& record, const engine::ContributedRange& range, bool empty) {
    const PlannedCall& call = record.memory->call();
    if (range.weights.size() != range.contributors.size()) {
      return complain(fmt::format("{} is told {} weights of {} contributors", record.text(),
                                  range.weights.size(), range.contributors.size()));
    }
    for (size_t i = 0; i < range.weights.size(); ++i) {
      const double weight = empty ? 0 : weight_of(call, range.contributors[i]);
      if (range.weights[i] == weight) continue;
      complain(fmt::format("{} is told that {} weighs {}, not {}", record.text(),
                           to_string(range.contributors[i]), range.weights[i], weight));
    }
  }

  // Who has contributed to a range is in all before it; each weighs what its contributors do.
  void check_order(const CallRecord& record, const engine::CollectiveInfo& info) {
    const PlannedCall& call = record.memory->call();
    const bool kept = info.ranges.size() > 1;
    uint64_t begin = 0;
    const std::vector<PeerId>* before = nullptr;
    for (const engine::ContributedRange& range : info.ranges) {
      const std::vector<PeerId>& peers = range.contributors;
      const double weight = range.end == begin ? 0 : total_weight(call, peers);
      if (range.weight != weight) {
        complain(fmt::format("{} is told a weight of {}, not {}", record.text(), range.weight,
                             weight));
      }
      check_weights(record, range, range.end == begin);
      const bool fewer = before == nullptr ||
                         std::all_of(peers.begin(), peers.end(), [&](PeerId peer) {
                           return std::find(before->begin(), before->end(), peer) != before->end();
                         });
      if (range.end < begin || !fewer) {
        complain(fmt::format("{} has ranges that do not follow each other", record.text()));
      }
      begin = range.end;
      before = &peers;
    }
    const uint64_t count = result_elements(call, record.self);
    const bool whole = begin == count && before != nullptr && *before == info.contributors &&
                       info.ranges.back().weight == info.weight &&
                       info.ranges.back().weights == info.weights;
    if (!whole) complain(fmt::format("{} has ranges that are not all of it", record.text()));
    if (!kept) return;
    context_.statistics->add(Count::kKept);
    if (record.keeps) return;
    complain(fmt::format("{} has {} ranges, but keeps none", record.text(), info.ranges.size()));
  }

  struct Expected {
    std::vector<engine::ContributedRange> ranges;
    uint64_t hash = 0;
  };
  std::map<std::string, Expected> expected_;
};

}  // namespace

std::unique_ptr<Checker> make_contribution_checker(CheckContext& context) {
  return std::make_unique<ContributionChecker>(context);
}

}  // namespace atoll_core::simulate
