#include "topology/steady_rate.h"

#include <algorithm>

namespace atoll_core::topology {

uint64_t steady_rate(const std::vector<Progress>& moments) {
  std::vector<double> rates;
  for (size_t i = 0; i < moments.size(); ++i) {
    for (size_t j = i + 1; j < moments.size(); ++j) {
      // What came between two looks at the clock that differ by nothing came in a moment.
      const Duration time = std::max<Duration>(moments[j].at - moments[i].at, Duration(1));
      const auto bytes = static_cast<double>(moments[j].bytes - moments[i].bytes);
      rates.push_back(bytes / std::chrono::duration<double>(time).count());
    }
  }
  if (rates.empty()) return 0;
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::nth_element(rates.begin(), middle, rates.end());
  return static_cast<uint64_t>(*middle);
}

}  // namespace atoll_core::topology
