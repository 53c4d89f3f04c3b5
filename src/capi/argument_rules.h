// Arguments that others are told of are checked by the rules of their readers (base/field_rules.h).
#pragma once

#include <string>

#include "base/element.h"
#include "base/error.h"
#include "base/field_rules.h"
#include "base/limits.h"

namespace atoll_core::capi {

// `problem` is what a rule says of the argument `name`.
[[nodiscard]] inline Result<void> require_none(const std::string& problem, const char* function,
                                               const char* name) {
  if (problem.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: '{}' {}", function, name, problem);
}

[[nodiscard]] inline Result<void> require_tag(uint64_t tag, const char* function,
                                              const char* name) {
  return require_none(problem_with_number(tag, 0, kTagMax), function, name);
}

[[nodiscard]] inline Result<void> require_reduction(ReduceOp op, DataType type,
                                                    const char* function) {
  if (takes(op, type)) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: '{}' takes integers, 'datatype' is {}", function,
              to_string(op), to_string(type));
}

// Of each of `blocks` blocks of one call.
[[nodiscard]] inline Result<void> require_count(uint64_t count, uint64_t blocks, DataType type,
                                                const char* function) {
  const uint64_t most = limits::kCallBytes / size_of(type) / blocks;
  return require_none(problem_with_number(count, 0, most), function, "count");
}

}  // namespace atoll_core::capi
