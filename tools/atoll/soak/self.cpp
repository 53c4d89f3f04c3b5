#include "tools/atoll/soak/self.h"

#include <malloc.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "tools/atoll/process_use.h"
#include "tools/atoll/statistics.h"

namespace atoll_cli {
namespace {

using Json = nlohmann::json;

// Its text may have grown since its size was told.
constexpr size_t kRoom = 64 << 10;

Json tables_of(atollComm_t comm) {
  size_t needed = 0;
  if (atollFormatState(comm, nullptr, 0, &needed) != atollSuccess) return Json::object();
  std::string text(needed + kRoom, '\0');
  if (atollFormatState(comm, text.data(), text.size(), &needed) != atollSuccess) {
    return Json::object();
  }
  text.resize(needed - 1);
  // Thousands of events are of no use here.
  const auto without_events = [](int, Json::parse_event_t event, Json& parsed) {
    return event != Json::parse_event_t::key || parsed != Json("events");
  };
  const Json state = Json::parse(text, without_events, false);
  return state.is_object() ? state.value("tables", Json::object()) : Json::object();
}

}  // namespace

void SoakSelf::note(const RoundFacts& facts) {
  if (facts.members.size() != members_) step_ms_.clear();
  members_ = facts.members.size();
  step_ms_.insert(step_ms_.end(), facts.step_ms.begin(), facts.step_ms.end());
}

std::string SoakSelf::sample(atollComm_t comm) {
  ::malloc_trim(0);  // what is free already is no leak, and comes and goes
  const ProcessUse use = process_use(::getpid()).value_or(ProcessUse{});
  std::array<uint64_t, kSoakFirstTable> numbers{};
  numbers[kSoakResidentKib] = use.resident_kib;
  numbers[kSoakPrivateKib] = use.private_kib;
  numbers[kSoakDescriptors] = use.descriptors;
  numbers[kSoakThreads] = use.threads;
  atollGetAttribute(comm, atollAttributeConnections, &numbers[kSoakConnections]);
  numbers[kSoakMembers] = members_;
  numbers[kSoakSteps] = step_ms_.size();
  numbers[kSoakMedianUs] = static_cast<uint64_t>(std::llround(median(step_ms_) * 1000));
  step_ms_.clear();
  std::string line = "sample";
  for (const uint64_t number : numbers) line += " " + std::to_string(number);
  const Json tables = tables_of(comm);
  for (const char* table : kSoakTables) {
    line += " " + std::to_string(tables.value(table, uint64_t{0}));
  }
  return line;
}

}  // namespace atoll_cli
