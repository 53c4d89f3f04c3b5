/* Checks for tests in C: they print what failed and go on; check_status() is main's result. */
#pragma once

#include <stdio.h>

#include "atoll/atoll.h"

static int check_failures = 0;

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      ++check_failures;                                                       \
    }                                                                         \
  } while (0)

/* Both are numbers without sign. */
#define CHECK_EQUAL(actual, expected) \
  check_equal(__FILE__, __LINE__, #actual, (uint64_t)(actual), (uint64_t)(expected))

#define CHECK_RESULT(call, expected) check_result(__FILE__, __LINE__, #call, call, expected)

#define CHECK_OK(call) CHECK_RESULT(call, atollSuccess)

static inline void check_equal(const char* file, int line, const char* what, uint64_t actual,
                               uint64_t expected) {
  if (actual == expected) return;
  fprintf(stderr, "%s:%d: %s is %llu, not %llu\n", file, line, what, (unsigned long long)actual,
          (unsigned long long)expected);
  ++check_failures;
}

/* An error must come with a sentence. */
static inline void check_result(const char* file, int line, const char* call, atollResult_t actual,
                                atollResult_t expected) {
  if (actual != expected) {
    fprintf(stderr, "%s:%d: %s gave %d (%s: %s), not %d\n", file, line, call, (int)actual,
            atollGetErrorString(actual), atollGetLastError(), (int)expected);
    ++check_failures;
  } else if (actual >= 100 && atollGetLastError()[0] == '\0') {
    fprintf(stderr, "%s:%d: %s failed without a sentence\n", file, line, call);
    ++check_failures;
  }
}

static inline int check_status(void) {
  if (check_failures != 0) fprintf(stderr, "%d checks failed\n", check_failures);
  return check_failures == 0 ? 0 : 1;
}
