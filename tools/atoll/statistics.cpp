#include "statistics.h"

#include <algorithm>
#include <cmath>

namespace atoll_cli {
namespace {

constexpr double kTwoSided95 = 1.96;

double at_rank(const std::vector<double>& sorted, double rank) {
  const double last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<size_t>(std::clamp(rank, 0.0, last))];
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

std::vector<Point> thinned(const std::vector<Point>& points, size_t most) {
  const size_t together = (points.size() + most - 1) / most;
  if (together <= 1) return points;
  std::vector<Point> few;
  for (size_t first = 0; first < points.size(); first += together) {
    std::vector<double> times;
    std::vector<double> values;
    for (size_t i = first; i < std::min(first + together, points.size()); ++i) {
      times.push_back(points[i].at);
      values.push_back(points[i].value);
    }
    few.push_back({median(times), median(values)});
  }
  return few;
}

Thirds thirds(const std::vector<Point>& points) {
  const size_t third = points.size() / 3;
  std::vector<double> first;
  std::vector<double> last;
  for (size_t i = 0; i < third; ++i) {
    first.push_back(points[i].value);
    last.push_back(points[points.size() - 1 - i].value);
  }
  return {median(first), median(last)};
}

std::optional<Slope> theil_sen(const std::vector<Point>& points) {
  if (points.size() < 3) return std::nullopt;
  std::vector<double> slopes;
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = i + 1; j < points.size(); ++j) {
      const double apart = points[j].at - points[i].at;
      if (apart != 0) slopes.push_back((points[j].value - points[i].value) / apart);
    }
  }
  if (slopes.empty()) return std::nullopt;
  std::sort(slopes.begin(), slopes.end());
  const auto count = static_cast<double>(points.size());
  const double deviation = std::sqrt(count * (count - 1) * (2 * count + 5) / 18);
  const auto pairs = static_cast<double>(slopes.size());
  const double reach = kTwoSided95 * deviation;
  return Slope{median(slopes), at_rank(slopes, std::floor((pairs - reach) / 2)),
               at_rank(slopes, std::ceil((pairs + reach) / 2))};
}

}  // namespace atoll_cli
