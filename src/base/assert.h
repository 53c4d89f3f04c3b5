// ATOLL_ASSERT guards our own invariants. It never aborts the process: it throws BrokenInvariant,
// which the owner of an engine or a coordinator machine catches; the communicator then goes to a
// failed state that reports the text. Bad input from users and peers is never an assert.
#pragma once

#include <stdexcept>
#include <string>

#include <fmt/format.h>

namespace atoll_core {

class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void throw_broken_invariant(const char* file, int line, const char* condition,
                                         const std::string& values);

}  // namespace atoll_core

// ATOLL_ASSERT(a == b, "a={} b={}", a, b)
#define ATOLL_ASSERT(condition, ...)                                          \
  do {                                                                        \
    if (!(condition)) [[unlikely]] {                                          \
      ::atoll_core::throw_broken_invariant(__FILE__, __LINE__, #condition,    \
                                           fmt::format(__VA_ARGS__));         \
    }                                                                         \
  } while (false)
