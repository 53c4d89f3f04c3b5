#include "base/assert.h"

namespace atoll_core {

void throw_broken_invariant(const char* file, int line, const char* condition,
                            const std::string& values) {
  throw BrokenInvariant(
      fmt::format("{}:{}: broken invariant: {} ({})", file, line, condition, values));
}

}  // namespace atoll_core
