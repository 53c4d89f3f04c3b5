#include "fuzz/distort.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace atoll_core::fuzz {
namespace {

constexpr unsigned kVarint = 0;
constexpr unsigned kFixed64 = 1;
constexpr unsigned kLength = 2;
constexpr unsigned kFixed32 = 5;
constexpr size_t kDepthMax = 6;
constexpr size_t kBytesMax = 1u << 20;

struct Field {
  uint64_t tag = 0;
  uint64_t number = 0;         // of a number
  std::string bytes;           // of text
  std::vector<Field> parts;    // of a part
  bool is_part = false;

  unsigned form() const { return static_cast<unsigned>(tag & 7); }
};
using Fields = std::vector<Field>;

std::optional<uint64_t> take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<uint64_t> take_fixed(std::string_view& in, size_t size) {
  if (in.size() < size) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{static_cast<uint8_t>(in[i])} << (8 * i);
  in.remove_prefix(size);
  return value;
}

std::optional<Fields> parse(std::string_view in, size_t depth);

bool take_field(std::string_view& in, size_t depth, Field& field) {
  const auto tag = take_varint(in);
  if (!tag || *tag < 8) return false;
  field.tag = *tag;
  std::optional<uint64_t> number;
  switch (field.form()) {
    case kVarint: number = take_varint(in); break;
    case kFixed64: number = take_fixed(in, 8); break;
    case kFixed32: number = take_fixed(in, 4); break;
    case kLength: number = take_varint(in); break;
    default: return false;
  }
  if (!number) return false;
  if (field.form() != kLength) {
    field.number = *number;
    return true;
  }
  if (*number > in.size()) return false;
  const std::string_view content = in.substr(0, *number);
  in.remove_prefix(*number);
  auto parts = depth == 0 ? std::nullopt : parse(content, depth - 1);
  field.is_part = parts.has_value();
  if (parts) field.parts = std::move(*parts);
  else field.bytes = content;
  return true;
}

std::optional<Fields> parse(std::string_view in, size_t depth) {
  Fields fields;
  while (!in.empty()) {
    if (!take_field(in, depth, fields.emplace_back())) return std::nullopt;
  }
  return fields;
}

void put_varint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put(const Fields& fields, std::string& out) {
  for (const Field& field : fields) {
    put_varint(field.tag, out);
    const unsigned form = field.form();
    if (form == kVarint) put_varint(field.number, out);
    for (size_t i = 0; i < (form == kFixed64 ? 8u : form == kFixed32 ? 4u : 0u); ++i) {
      out += static_cast<char>(field.number >> (8 * i));
    }
    if (form != kLength) continue;
    std::string content = field.bytes;
    if (field.is_part) put(field.parts, content);
    put_varint(content.size(), out);
    out += content;
  }
}

// A field and the list that it is in.
struct Place {
  Fields* list = nullptr;
  size_t index = 0;
  Field& field() const { return (*list)[index]; }
};

void list_places(Fields& fields, bool numbers_only, std::vector<Place>& places) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const bool number = fields[i].form() != kLength;
    if (number || !numbers_only) places.push_back({&fields, i});
    if (fields[i].is_part) list_places(fields[i].parts, numbers_only, places);
  }
}

std::optional<Place> find(Fields& fields, bool numbers_only, size_t place) {
  std::vector<Place> places;
  list_places(fields, numbers_only, places);
  if (places.empty()) return std::nullopt;
  return places[place % places.size()];
}

// In the copies one number counts on, so that they are not all the same.
void repeat(const Place& place, size_t count, std::optional<size_t> counted) {
  if (count * place.field().parts.size() > 4096) count = 2;
  const Field original = place.field();
  Fields copies;
  for (size_t i = 1; i < count; ++i) {
    Field& copy = copies.emplace_back(original);
    std::vector<Place> numbers;
    list_places(copy.parts, true, numbers);
    if (counted && !numbers.empty()) numbers[*counted % numbers.size()].field().number += i;
  }
  place.list->insert(place.list->begin() + static_cast<std::ptrdiff_t>(place.index) + 1,
                     copies.begin(), copies.end());
}

// A field that is zero is not there at all, and has to be put in.
void insert(const Place& place, uint64_t tag, uint64_t number) {
  Field field;
  field.tag = tag << 3 | kVarint;
  field.number = number;
  place.list->insert(place.list->begin() + static_cast<std::ptrdiff_t>(place.index),
                     std::move(field));
}

constexpr uint64_t kTags = 20;
constexpr std::array<uint64_t, 16> kEdges = {
    ~uint64_t{0}, 0, 1, 2, 3, uint64_t{1} << 63, (uint64_t{1} << 63) - 1, uint64_t{1} << 32,
    (uint64_t{1} << 32) - 1, 255, 256, 257, 1000, uint64_t{1} << 48, uint64_t{1} << 56, 65535};
constexpr std::array<size_t, 8> kCounts = {2, 3, 16, 127, 255, 256, 257, 300};

void apply(Fields& fields, const Distortion& one, const KnownNumbers& known) {
  const unsigned how = one.how % 8;
  const auto place = find(fields, how != 1 && how < 4, one.place);
  if (!place) return;
  Field& field = place->field();
  switch (how) {
    case 0: field.number = kEdges[one.value % kEdges.size()]; break;
    case 1: insert(*place, 1 + one.value % kTags, kEdges[one.value / kTags]); break;
    case 2: field.number += static_cast<uint64_t>(static_cast<int8_t>(one.value)); break;
    case 3: field.number = known.pick(one.value); break;
    case 4: place->list->erase(place->list->begin() + static_cast<std::ptrdiff_t>(place->index));
            break;
    case 5: repeat(*place, 2, std::nullopt); break;
    case 6: repeat(*place, kCounts[one.value % kCounts.size()], one.value / kCounts.size()); break;
    default: std::swap(field, (*place->list)[one.value % place->list->size()]); break;
  }
}

void learn_from(const Fields& fields, std::vector<uint64_t>& numbers) {
  for (const Field& field : fields) {
    if (field.form() != kLength && field.number > 3) numbers.push_back(field.number);
    if (field.is_part) learn_from(field.parts, numbers);
  }
}

}  // namespace

std::vector<Distortion> some_distortions(Choices& choices) {
  std::vector<Distortion> result(1 + choices.below(3));
  for (Distortion& one : result) {
    one.how = choices.byte();
    one.place = static_cast<uint16_t>(choices.byte() | choices.byte() << 8);
    one.value = choices.byte();
  }
  return result;
}

void KnownNumbers::learn(std::string_view message) {
  const auto fields = parse(message, kDepthMax);
  if (!fields) return;
  std::vector<uint64_t> numbers;
  learn_from(*fields, numbers);
  for (const uint64_t number : numbers) {
    if (std::find(numbers_.begin(), numbers_.end(), number) != numbers_.end()) continue;
    if (numbers_.size() < kKept) numbers_.push_back(number);
    else numbers_[next_++ % kKept] = number;
  }
}

uint64_t KnownNumbers::pick(size_t place) const {
  return numbers_.empty() ? 0 : numbers_[place % numbers_.size()];
}

std::string distort(std::string_view message, const std::vector<Distortion>& distortions,
                    const KnownNumbers& known) {
  auto fields = parse(message, kDepthMax);
  if (!fields) return std::string(message);
  for (const Distortion& one : distortions) apply(*fields, one, known);
  std::string out;
  put(*fields, out);
  return out.size() > kBytesMax ? std::string(message) : out;
}

}  // namespace atoll_core::fuzz
