// For who wants to see that fuzzing finds something: ATOLL_BROKEN_RULE names a rule of
// base/canary.h that the machines then do not keep. Only programs of libFuzzer look at it.
#include <cstdlib>
#include <map>
#include <string>

#include "base/canary.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using atoll_core::Canary;
  const std::map<std::string, Canary> rules = {
      {"view_names_twice", Canary::kViewNamesTwice},
      {"any_update_count", Canary::kAnyUpdateCount},
      {"forgotten_ops", Canary::kForgottenOps},
  };
  const char* name = std::getenv("ATOLL_BROKEN_RULE");
  if (name != nullptr) atoll_core::broken_rule = rules.at(name);
  return 0;
}
