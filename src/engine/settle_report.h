// What a peer tells in a settle round has to fit into one message.
#pragma once

#include <cstddef>

#include "base/ids.h"
#include "wire/control.h"

namespace atoll_core::engine {

// Of the report of one op, beside its sentence.
constexpr size_t report_bytes(size_t contributors) {
  return 160 + sizeof(PeerId) * contributors;
}

// Cuts sentences, the only part that need not be whole, until the report has limits::kReportBytes.
void fit_sentences(wire::SettleReport& report);

}  // namespace atoll_core::engine
