// Trends in noisy series.
#pragma once

#include <optional>
#include <vector>

namespace atoll_cli {

struct Point {
  double at = 0;
  double value = 0;
};

// Of an even number of values the mean of the middle two; 0 of none.
double median(std::vector<double> values);

// Neighbours drawn together to their medians, so that no more than `most` points are left. What
// lasts from one sample to the next then counts once.
std::vector<Point> thinned(const std::vector<Point>& points, size_t most);

// Medians of the values in the first and the last third of the points.
struct Thirds {
  double first = 0;
  double last = 0;
};
Thirds thirds(const std::vector<Point>& points);

// The Theil-Sen estimate: the median of the slopes between all pairs of points, with the interval
// in which the true one lies with 95 % (P. K. Sen, JASA 63, 1968: by the variance of Kendall's
// count of pairs). A few outliers do not move it.
struct Slope {
  double slope = 0;
  double low = 0;
  double high = 0;
};
// Nothing of fewer than three points.
std::optional<Slope> theil_sen(const std::vector<Point>& points);

}  // namespace atoll_cli
