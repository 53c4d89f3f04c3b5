// The wall between C++ and C: results become numbers, sentences become the thread's last error,
// and no exception gets through.
#pragma once

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "atoll/atoll.h"
#include "base/assert.h"
#include "base/error.h"
#include "process/cancellation.h"
#include "process/origin.h"

#define ATOLL_TRY(expression)                                                \
  do {                                                                       \
    if (auto tried = (expression); !tried) {                                 \
      return ::tl::unexpected<::atoll_core::Error>(std::move(tried).error()); \
    }                                                                        \
  } while (false)

namespace atoll_core::capi {

// Remembers the sentence for atollGetLastError and returns the number.
atollResult_t set_error(ErrorCode code, std::string message) noexcept;
inline atollResult_t set_error(const Error& error) noexcept {
  return set_error(error.code, error.message);
}

// Runs `body`, which returns a Result<void>, and makes one of what it throws.
//
// One thing does get through: a thread that was cancelled (pthread_cancel) while it waited is
// unwound, which is no exception, although a handler for all of them would catch it.
template <class Body>
Result<void> caught(Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kOutOfMemory, "out of memory");
  } catch (const BrokenInvariant& broken) {
    return fail(ErrorCode::kInternalError, "{}", broken.what());
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kSystemError, "{}", exception.what());
  } catch (...) {
    if (std::current_exception() == nullptr) throw;  // it is none: the thread is unwound
    return fail(ErrorCode::kInternalError, "an unknown exception");
  }
}

// Around each function of the C API.
template <class Body>
atollResult_t guard(Body&& body) {
  const process::CancellationShield shield;
  const Result<void> result = caught(std::forward<Body>(body));
  return result ? atollSuccess : set_error(result.error());
}

// The first error of the checks of a call's arguments.
[[nodiscard]] inline Result<void> require(const void* pointer, const char* function,
                                          const char* name) {
  if (pointer != nullptr) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: '{}' is a null pointer", function, name);
}

// What every object behind a handle begins with.
struct Handle {
  process::Origin origin;
};

// The check of every function that takes a handle: in a forked child the object is a picture of the
// parent's, whose threads and connections are not there.
[[nodiscard]] inline Result<void> require(const Handle* handle, const char* function,
                                          const char* name) {
  ATOLL_TRY(require(static_cast<const void*>(handle), function, name));
  if (handle->origin.is_here()) return {};
  return fail(ErrorCode::kInvalidUsage,
              "{}: '{}' belongs to process {}, from which this one was forked: a child creates "
              "its own, and may only destroy what it inherited",
              function, name, handle->origin.process());
}

// A child forgets what it inherited: to free it would stop threads that it does not have, and tell
// the other side of connections that are the parent's.
template <class Object>
void destroy(Object* handle) {
  if (handle != nullptr && handle->origin.is_here()) delete handle;
}

// Enums come from C as any int. `last` is the greatest known value.
[[nodiscard]] inline Result<void> require_enum(int value, int last, const char* function,
                                               const char* name) {
  if (value >= 0 && value <= last) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: {} is not a known value of '{}' (0 to {})",
              function, value, name, last);
}

// The bytes of a sized struct that only a newer header knows. The program may have been compiled
// with one as long as it asks for nothing there: what it does not set is 0.
[[nodiscard]] inline Result<void> require_known_size(const void* given, size_t given_size,
                                                     size_t known_size, const char* function,
                                                     const char* name) {
  if (given_size < sizeof(size_t) || given_size > (size_t{1} << 16)) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: '{}' has size {}: set it up with its _INITIALIZER", function, name,
                given_size);
  }
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (size_t at = known_size; at < given_size; ++at) {
    if (bytes[at] == 0) continue;
    return fail(ErrorCode::kUnsupported,
                "{}: '{}' has {} bytes, of which this library (version {}.{}.{}) knows {}, and "
                "byte {} is not 0: it asks for what only a newer library has",
                function, name, given_size, ATOLL_VERSION_MAJOR, ATOLL_VERSION_MINOR,
                ATOLL_VERSION_PATCH, known_size, at);
  }
  return {};
}

// The check of every sized struct that a caller passes, to read or to fill; null is fine.
template <class Struct>
[[nodiscard]] Result<void> require_sized(const Struct* given, const char* function,
                                         const char* name) {
  if (given == nullptr) return {};
  return require_known_size(given, given->size, sizeof(Struct), function, name);
}

// Copies a caller's sized struct over the defaults, as much as both sides know.
template <class Struct>
[[nodiscard]] Result<Struct> sized_copy(const Struct* given, const Struct& defaults,
                                        const char* function, const char* name) {
  Struct copy = defaults;
  if (given == nullptr) return copy;
  ATOLL_TRY(require_sized(given, function, name));
  __builtin_memcpy(&copy, given, std::min(given->size, sizeof(Struct)));
  copy.size = sizeof(Struct);
  return copy;
}

// The way back: fills as much of the caller's struct as it has room for, keeping its size field.
template <class Struct>
void sized_return(Struct* target, const Struct& value) {
  if (target == nullptr) return;
  const size_t size = target->size;
  __builtin_memcpy(target, &value, std::min(size, sizeof(Struct)));
  target->size = size;
}

}  // namespace atoll_core::capi
