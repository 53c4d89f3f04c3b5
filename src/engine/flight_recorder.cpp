#include "engine/flight_recorder.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.h"

namespace atoll_core::engine {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(FlightKind::kLeft) + 1> kNames = {
    "control up",      "control lost",    "registered",       "roster",
    "link up",         "connection lost", "link refused",     "link unreachable",
    "redial",          "link anew",       "probe",            "update requested",
    "update done",     "update failed",   "view",             "freeze",
    "thaw",            "op begun",        "op attempt",       "op complete",
    "result fetch",    "op stalled",      "abort wanted",     "op committed",
    "op aborted",      "op failed",       "sync plan",        "sync fetched",
    "state served",    "state withdrawn", "state offer",      "state level",
    "left"};

// How much of `text` fits, cut between two characters of UTF-8.
size_t cut(std::string_view text, size_t room) {
  if (text.size() <= room) return text.size();
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xC0u) == 0x80u) --room;
  return room;
}

}  // namespace

std::string_view to_string(FlightKind kind) { return kNames.at(static_cast<size_t>(kind)); }

FlightRecorder::FlightRecorder(size_t capacity) : capacity_(capacity) {
  ATOLL_ASSERT(capacity > 0, "a flight recorder for {} events", capacity);
  ring_.reserve(capacity_);
}

void FlightRecorder::note(TimePoint now, const FlightNote& note) {
  FlightEvent& event =
      ring_.size() < capacity_ ? ring_.emplace_back() : ring_[noted_ % capacity_];
  ++noted_;
  event.at = now;
  event.kind = note.kind;
  event.about_op = note.op != nullptr;
  event.group = note.op == nullptr ? 0 : note.op->group;
  event.tag = note.op == nullptr ? 0 : note.op->tag;
  event.sequence = note.op == nullptr ? 0 : note.op->sequence;
  event.peer = note.peer.value;
  event.number = note.number;
  static_assert(sizeof(event.text) <= std::numeric_limits<uint8_t>::max());
  event.text_bytes = static_cast<uint8_t>(cut(note.text, event.text.size()));
  if (event.text_bytes > 0) std::memcpy(event.text.data(), note.text.data(), event.text_bytes);
}

std::vector<FlightEvent> FlightRecorder::events() const {
  if (ring_.size() < capacity_) return ring_;
  std::vector<FlightEvent> ordered;
  ordered.reserve(ring_.size());
  const auto oldest = ring_.begin() + static_cast<std::ptrdiff_t>(noted_ % capacity_);
  ordered.insert(ordered.end(), oldest, ring_.end());
  ordered.insert(ordered.end(), ring_.begin(), oldest);
  return ordered;
}

}  // namespace atoll_core::engine
