#include "optim/diloco_machine.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/assert.h"
#include "kernels/float_environment.h"
#include "kernels/outer_step.h"

namespace atoll_core {

namespace {

// Summed in a fixed order that vectorizes, so that all replicas report the same number.
double euclidean_norm(std::span<const float> values) {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> squares{};
  const size_t whole = values.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      squares[lane] += value * value;
    }
  }
  double sum = 0;
  for (const double square : squares) sum += square;
  for (const float value : values.subspan(whole)) sum += double{value} * double{value};
  return std::sqrt(sum);
}

}  // namespace

Result<> validate(const DilocoOptions& options) {
  if (!std::isfinite(options.learning_rate) || options.learning_rate <= 0) {
    return fail(ErrorCode::kInvalidArgument,
                "the outer learning rate is {}; it must be positive and finite",
                options.learning_rate);
  }
  if (!(options.momentum >= 0 && options.momentum < 1)) {
    return fail(ErrorCode::kInvalidArgument,
                "the outer momentum is {}; it must be at least 0 and less than 1",
                options.momentum);
  }
  return {};
}

DilocoMachine::DilocoMachine(std::span<const float> parameters, const DilocoOptions& options)
    : options_(options),
      outer_(parameters.begin(), parameters.end()),
      momentum_(parameters.size(), 0.0f),
      pseudo_gradient_(parameters.size()),
      mean_(parameters.size()) {}

ReduceRequest DilocoMachine::begin_round(std::span<const float> local) {
  require(false, local);
  const kernels::FloatEnvironment environment;
  kernels::subtract(outer_.data(), local.data(), pseudo_gradient_.data(), outer_.size());
  round_open_ = true;
  return {pseudo_gradient_.data(), mean_.data(), outer_.size()};
}

double DilocoMachine::finish_round(std::span<float> local) {
  require(true, local);
  const kernels::FloatEnvironment environment;
  const double norm = euclidean_norm(mean_);
  kernels::nesterov_step(outer_.data(), momentum_.data(), mean_.data(), outer_.size(),
                         options_.learning_rate, options_.momentum, options_.nesterov);
  round_open_ = false;
  ++round_;
  copy_outer(local);
  return norm;
}

void DilocoMachine::abandon_round() {
  ATOLL_ASSERT(round_open_, "round {} is not open", round_);
  round_open_ = false;
}

std::span<float> DilocoMachine::shared_outer() {
  ATOLL_ASSERT(!round_open_, "round {} is open", round_);
  return outer_;
}

std::span<float> DilocoMachine::shared_momentum() {
  ATOLL_ASSERT(!round_open_, "round {} is open", round_);
  return momentum_;
}

void DilocoMachine::adopt_round(uint64_t round) {
  ATOLL_ASSERT(!round_open_, "round {} is open, adopting {}", round_, round);
  round_ = round;
}

void DilocoMachine::copy_outer(std::span<float> local) const {
  ATOLL_ASSERT(local.size() == outer_.size(), "{} parameters, {} expected", local.size(),
               outer_.size());
  std::copy(outer_.begin(), outer_.end(), local.begin());
}

void DilocoMachine::require(bool open, std::span<const float> local) const {
  ATOLL_ASSERT(round_open_ == open, "round {} is {}", round_, round_open_ ? "open" : "not open");
  ATOLL_ASSERT(local.size() == outer_.size(), "{} parameters, {} expected", local.size(),
               outer_.size());
}

}  // namespace atoll_core
