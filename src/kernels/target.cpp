#include "kernels/target.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include <hwy/targets.h>

namespace atoll_core::kernels {
namespace {

char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char left, char right) { return to_lower(left) == to_lower(right); });
}

// Best first. Detected before any target is forced, for Highway then reports only the forced one.
const std::vector<int64_t>& available_targets() {
  static const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

// 0: no such target.
int64_t find_target(std::string_view name) {
  const std::vector<int64_t>& targets = available_targets();
  for (const int64_t target : targets) {
    if (equal_ignoring_case(name, hwy::TargetName(target))) return target;
  }
  return equal_ignoring_case(name, "scalar") ? targets.back() : 0;
}

bool choose_from_environment() {
  available_targets();
  const char* name = std::getenv("ATOLL_SIMD_TARGET");
  if (name == nullptr) return false;
  const int64_t target = find_target(name);
  if (target == 0) return false;
  hwy::SetSupportedTargetsForTest(target);
  return true;
}

}  // namespace

std::string_view simd_target_name() {
  choose_simd_target();
  return hwy::TargetName(hwy::SupportedAndGeneratedTargets().front());
}

std::vector<std::string> supported_simd_targets() {
  choose_simd_target();
  std::vector<std::string> names;
  for (const int64_t target : available_targets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

bool force_simd_target(std::string_view name) {
  choose_simd_target();
  const int64_t target = name.empty() ? 0 : find_target(name);
  if (target == 0 && !name.empty()) return false;
  hwy::SetSupportedTargetsForTest(target);
  return true;
}

void choose_simd_target() { [[maybe_unused]] static const bool forced = choose_from_environment(); }

}  // namespace atoll_core::kernels
