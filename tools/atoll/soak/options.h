// What the user asked `atoll soak` to do.
#pragma once

#include "tools/atoll/soak/judge.h"
#include "tools/atoll/stress/options.h"

namespace atoll_cli {

struct SoakOptions {
  StressOptions stress;
  Milliseconds report_every{60'000};
  SoakBars bars;
};

}  // namespace atoll_cli
