#include "engine/settle_report.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace atoll_core::engine {

void fit_sentences(wire::SettleReport& report) {
  size_t bytes = 0, sentences = 0;
  for (const wire::OpReport& item : report.ops) {
    bytes += report_bytes(item.contributors.size());
    sentences += item.reason.size();
  }
  const size_t left = limits::kReportBytes - std::min(bytes, limits::kReportBytes);
  if (sentences <= left) return;
  const size_t each = left / report.ops.size();
  for (wire::OpReport& item : report.ops) item.reason = make_printable(item.reason, each);
}

}  // namespace atoll_core::engine
