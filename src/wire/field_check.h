// Takes fields of a parsed message over into typed values, or refuses the message with a sentence
// that names message and field: "settled.verdicts[3].reason has 5000 bytes, at most 2048 are …".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/element.h"
#include "base/error.h"
#include "base/field_rules.h"
#include "base/ids.h"

namespace atoll_core::wire {

// Keeps the first problem; what is taken after it is not to be used.
class FieldCheck {
 public:
  explicit FieldCheck(std::string_view message) : message_(message) {}

  bool ok() const { return !error_; }
  const std::optional<Error>& error() const { return error_; }
  void refuse(std::string_view field, std::string_view problem);
  // The part (or message) as a whole, each field of which may be well.
  void refuse_whole(std::string_view problem);

  // While a Scope lives, fields are those of the part `field` (of its element `index`).
  class Scope {
   public:
    Scope(FieldCheck& check, std::string_view field, std::optional<size_t> index = {})
        : check_(check) {
      check_.path_.push_back({field, index});
    }
    ~Scope() { check_.path_.pop_back(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    FieldCheck& check_;
  };

 private:
  struct Step {
    std::string_view field;
    std::optional<size_t> index;
  };

  std::string path() const;

  std::string_view message_;
  std::vector<Step> path_;
  std::optional<Error> error_;
};

// True when `value` lies in [min, max].
bool check_range(FieldCheck& check, std::string_view field, uint64_t value, uint64_t min,
                 uint64_t max);
// True when a repeated field has at most `max` elements.
bool check_count(FieldCheck& check, std::string_view field, size_t count, size_t max);

template <class Out>
void take_number(FieldCheck& check, std::string_view field, uint64_t in, uint64_t min, uint64_t max,
                 Out& out) {
  if (check_range(check, field, in, min, max)) out = static_cast<Out>(in);
}

// The values of `Enum` are 0 to `last`.
template <class Enum>
void take_enum(FieldCheck& check, std::string_view field, int64_t in, Enum last, Enum& out) {
  take_number(check, field, static_cast<uint64_t>(in), 0, static_cast<uint64_t>(last), out);
}

void take_error_code(FieldCheck& check, std::string_view field, int32_t in, ErrorCode& out);
void take_group(FieldCheck& check, std::string_view field, uint32_t in, Group& out);
// Somebody: never PeerId 0.
void take_peer(FieldCheck& check, std::string_view field, uint64_t in, PeerId& out);

void take_name(FieldCheck& check, std::string_view field, const std::string& in, std::string& out);
void take_host(FieldCheck& check, std::string_view field, const std::string& in, std::string& out);
void take_sentence(FieldCheck& check, std::string_view field, const std::string& in,
                   std::string& out);

}  // namespace atoll_core::wire
