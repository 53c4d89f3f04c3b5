#include <fmt/format.h>

#include "kernels/hash.h"
#include "simulate/claims.h"

namespace atoll_core::simulate {
namespace {

class ParityChecker final : public Checker {
 public:
  explicit ParityChecker(CheckContext& context) : Checker(context, "parity"), claims_(context) {}

  void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) override {
    if (record.name.empty() || !result) return;
    std::string bits;
    if (record.kind == CallKind::kCollective) {
      if (!same_for_all(record.memory->call())) return;
      bits = fmt::format("{:016x}", kernels::hash64(record.memory->result()));
    } else {
      const auto& info = std::get<engine::SyncInfo>(*result);
      bits = fmt::format("revision {} with digest {:016x}, in memory {} {:016x}", info.revision,
                         info.digest.high, record.now.revision, record.now.hash);
    }
    const auto other = claims_.add(record.name + " of " + record.group,
                                   {record.instance, record.self, record.who, bits});
    if (!other) return;
    complain(fmt::format("{} has {}, and {} has {}", record.text(), bits, other->who,
                         other->text));
  }

 private:
  Claims claims_;
};

}  // namespace

std::unique_ptr<Checker> make_parity_checker(CheckContext& context) {
  return std::make_unique<ParityChecker>(context);
}

}  // namespace atoll_core::simulate
