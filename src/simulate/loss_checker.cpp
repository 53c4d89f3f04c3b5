#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "simulate/checker.h"

namespace atoll_core::simulate {
namespace {

std::string text_of(const StateContent& content) {
  return content.held ? fmt::format("revision {} ({:016x})", content.revision, content.hash)
                      : std::string("nothing whole");
}

class LossChecker final : public Checker {
 public:
  explicit LossChecker(CheckContext& context) : Checker(context, "no loss") {}

  void call_began(const CallRecord& record) override {
    if (record.kind == CallKind::kSync) brought_[about(record)].push_back(record.brought);
  }

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    // Who is out of the run has no verdict, and the input of segments that stand is gone.
    const bool overwritten = record.keeps && is_unknown(result);
    if (record.kind == CallKind::kCollective && !result && !overwritten) {
      const std::string wrong = record.memory->check_intact();
      if (!wrong.empty()) {
        complain(fmt::format("{} failed ({}), but {}", record.text(), result.error().message,
                             wrong));
      }
    }
    if (record.kind == CallKind::kSync && result) committed(record);
    if (record.follows) followed(record);
    if (record.kind == CallKind::kSync && !result && record.brought.held &&
        record.now != record.brought) {
      complain(fmt::format("{} failed ({}), but its state became {}, was {}", record.text(),
                           result.error().message, text_of(record.now), text_of(record.brought)));
    }
  }

 private:
  static bool contains(const std::vector<StateContent>& contents, const StateContent& wanted) {
    return std::any_of(contents.begin(), contents.end(), [&](const auto& content) {
      return content.revision == wanted.revision && content.hash == wanted.hash;
    });
  }
  static std::string about(const CallRecord& record) { return record.name + record.group; }

  void committed(const CallRecord& record) {
    keeps_what_was_committed(record);
    if (record.voter && record.now.revision < record.brought.revision) {
      complain(fmt::format("{} went back from {} to {}", record.text(), text_of(record.brought),
                           text_of(record.now)));
    }
    if (!contains(synced_, record.now)) synced_.push_back(record.now);
    const std::vector<StateContent>& brought = brought_[about(record)];
    if (!contains(brought, record.now)) {
      complain(fmt::format("{} ended with {}, which nobody brought", record.text(),
                           text_of(record.now)));
    }
  }

  // Also of one who was evicted, and is back as a newcomer without a vote.
  void keeps_what_was_committed(const CallRecord& record) {
    const Trainer* trainer = context_.application->of(record.process);
    const wire::CommittedRevision& before = record.committed;
    const bool of_this_run = trainer != nullptr && before.instance &&
                             before.instance == trainer->state->table().committed().instance;
    if (!of_this_run || record.now.revision >= before.revision) return;
    complain(fmt::format("{} replaced revision {}, which the run has committed, by {}",
                         record.text(), before.revision, text_of(record.now)));
  }

  // What a newcomer has after it followed the members is what it had, or what they have synced.
  void followed(const CallRecord& record) {
    if (!record.now.held || record.now == record.brought) return;
    keeps_what_was_committed(record);
    context_.statistics->add(Count::kFollows);
    if (!contains(synced_, record.now)) {
      complain(fmt::format("{} ended with {}, which no sync has elected", record.text(),
                           text_of(record.now)));
    }
  }

  std::map<std::string, std::vector<StateContent>> brought_;
  std::vector<StateContent> synced_;
};

}  // namespace

std::unique_ptr<Checker> make_loss_checker(CheckContext& context) {
  return std::make_unique<LossChecker>(context);
}

}  // namespace atoll_core::simulate
