#include "simulate/statistics.h"

#include <numeric>

#include <fmt/format.h>

namespace atoll_core::simulate {

void Statistics::add(const Statistics& other) {
  for (size_t i = 0; i < kCountCount; ++i) counts_[i] += other.counts_[i];
  for (size_t fault = 0; fault < kFaultCount; ++fault) {
    for (size_t phase = 0; phase < kPhaseCount; ++phase) {
      faults_[fault][phase] += other.faults_[fault][phase];
    }
  }
}

uint64_t Statistics::of(Fault fault) const {
  const auto& row = faults_[static_cast<size_t>(fault)];
  return std::accumulate(row.begin(), row.end(), uint64_t{0});
}

std::vector<std::string> Statistics::zeros(const FaultMix& mix) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < kCountCount; ++i) {
    const bool must = static_cast<Count>(i) != Count::kDropped && mix == FaultMix{};
    if (must && counts_[i] == 0) names.emplace_back(kCountNames[i]);
  }
  for (size_t i = 0; i < kFaultCount; ++i) {
    for (size_t k = 0; k < kPhaseCount; ++k) {
      const auto fault = static_cast<Fault>(i);
      const auto phase = static_cast<Phase>(k);
      if (mix.weights[i] == 0 || !can_meet(fault, phase) || faults_[i][k] > 0) continue;
      names.push_back(fmt::format("{} in {}", to_string(fault), to_string(phase)));
    }
  }
  return names;
}

}  // namespace atoll_core::simulate
