// Reductions, hashes and the outer step over buffers that fit the cache and over one that does not.
// bytes_per_second counts all bytes read and written, so memcpy is the roof for each size. The
// label is the SIMD target and a digest of the result: it must be the same on every machine.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/element.h"
#include "kernels/convert.h"
#include "kernels/copy_aside.h"
#include "kernels/float_environment.h"
#include "kernels/hash.h"
#include "kernels/outer_step.h"
#include "kernels/reduce.h"
#include "kernels/target.h"

namespace atoll_core::kernels {
namespace {

constexpr int64_t kInCache = 256 << 10;
constexpr int64_t kBeyondCache = 64 << 20;

// Numbers around one; random bits would be NaN and subnormal far too often. They repeat after a
// while, for drawing them takes longer than measuring.
ByteBuffer random_elements(DataType type, uint64_t bytes, uint64_t seed) {
  constexpr uint64_t kPeriodBytes = 64 << 10;
  ByteBuffer buffer(bytes);
  std::mt19937_64 random(seed);
  const uint64_t size = size_of(type);
  for (uint64_t at = 0; at < std::min(bytes, kPeriodBytes); at += size) {
    const uint64_t bits = random();
    const auto number = static_cast<float>(static_cast<int64_t>(bits)) * 0x1p-62f;
    const auto wide = static_cast<double>(number);
    const uint16_t half =
        type == DataType::kFloat16 ? float_to_float16(number) : float_to_bfloat16(number);
    const void* element = &bits;
    if (type == DataType::kFloat16 || type == DataType::kBfloat16) element = &half;
    if (type == DataType::kFloat32) element = &number;
    if (type == DataType::kFloat64) element = &wide;
    std::memcpy(buffer.data() + at, element, size);
  }
  for (uint64_t at = kPeriodBytes; at < bytes; at += kPeriodBytes) {
    std::memcpy(buffer.data() + at, buffer.data(), std::min(kPeriodBytes, bytes - at));
  }
  return buffer;
}

// `streams`: how many buffers one iteration reads or writes.
void report(benchmark::State& state, int64_t streams, ByteSpan result) {
  state.SetBytesProcessed(state.iterations() * state.range(0) * streams);
  state.SetLabel(fmt::format("{} {:016x}", simd_target_name(), hash64(result)));
}

void copy(benchmark::State& state) {
  const ByteBuffer source =
      random_elements(DataType::kUint64, static_cast<uint64_t>(state.range(0)), 1);
  ByteBuffer destination(source.size());
  for (auto _ : state) {
    std::memcpy(destination.data(), source.data(), source.size());
    benchmark::ClobberMemory();
  }
  report(state, 2, destination);
}

void copy_past_the_caches(benchmark::State& state) {
  const ByteBuffer source =
      random_elements(DataType::kUint64, static_cast<uint64_t>(state.range(0)), 1);
  ByteBuffer destination(source.size());
  for (auto _ : state) {
    copy_aside(destination.data(), source.data(), source.size());
    benchmark::ClobberMemory();
  }
  report(state, 2, destination);
}

// Out of place, so that sums and products stay finite however often the loop turns.
void reduce_into(benchmark::State& state, DataType type, ReduceOp op) {
  const FloatEnvironment environment;
  const auto bytes = static_cast<uint64_t>(state.range(0));
  const ByteBuffer a = random_elements(type, bytes, 2);
  const ByteBuffer b = random_elements(type, bytes, 3);
  ByteBuffer destination(bytes);
  for (auto _ : state) {
    reduce(type, op, a.data(), b.data(), destination.data(), bytes / size_of(type));
    benchmark::ClobberMemory();
  }
  report(state, 3, destination);
}

void divide_in_place(benchmark::State& state, DataType type) {
  const FloatEnvironment environment;
  const auto bytes = static_cast<uint64_t>(state.range(0));
  ByteBuffer values = random_elements(type, bytes, 4);
  for (auto _ : state) {
    // Dividing by one leaves the values as they are; the time does not depend on the divisor.
    divide(type, values.data(), bytes / size_of(type), 1.0);
    benchmark::ClobberMemory();
  }
  report(state, 2, values);
}

// By one half: halved again and again it would become subnormal in place.
void scale_into(benchmark::State& state, DataType type) {
  const FloatEnvironment environment;
  const auto bytes = static_cast<uint64_t>(state.range(0));
  const ByteBuffer source = random_elements(type, bytes, 10);
  ByteBuffer destination(bytes);
  for (auto _ : state) {
    scale(type, source.data(), destination.data(), bytes / size_of(type), 0.5);
    benchmark::ClobberMemory();
  }
  report(state, 2, destination);
}

void outer_step(benchmark::State& state) {
  const FloatEnvironment environment;
  const auto bytes = static_cast<uint64_t>(state.range(0));
  const auto count = bytes / sizeof(float);
  const auto floats = [bytes, count](uint64_t seed) {
    std::vector<float> all(count);
    const ByteBuffer elements = random_elements(DataType::kFloat32, bytes, seed);
    std::memcpy(all.data(), elements.data(), count * sizeof(float));
    return all;
  };
  std::vector<float> parameters = floats(5);
  std::vector<float> momentum = floats(6);
  const std::vector<float> delta = floats(7);
  for (auto _ : state) {
    // With these factors the buffers stand still after the first step, and stay finite.
    nesterov_step(parameters.data(), momentum.data(), delta.data(), count, 0.0f, 0.0f, true);
    benchmark::ClobberMemory();
  }
  report(state, 5, {reinterpret_cast<const std::byte*>(parameters.data()), bytes});
}

void hash_128(benchmark::State& state) {
  const ByteBuffer bytes =
      random_elements(DataType::kUint64, static_cast<uint64_t>(state.range(0)), 8);
  Digest digest;
  for (auto _ : state) {
    digest = hash128(bytes);
    benchmark::DoNotOptimize(digest);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.SetLabel(to_string(digest));
}

void hash_64(benchmark::State& state) {
  const ByteBuffer bytes =
      random_elements(DataType::kUint64, static_cast<uint64_t>(state.range(0)), 9);
  uint64_t digest = 0;
  for (auto _ : state) {
    digest = hash64(bytes);
    benchmark::DoNotOptimize(digest);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.SetLabel(fmt::format("{:016x}", digest));
}

void both_sizes(benchmark::internal::Benchmark* bench) { bench->Arg(kInCache)->Arg(kBeyondCache); }

void register_reductions() {
  for (const DataType type :
       {DataType::kFloat32, DataType::kBfloat16, DataType::kFloat16, DataType::kFloat64,
        DataType::kInt8, DataType::kInt32, DataType::kInt64}) {
    for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kProd, ReduceOp::kMin, ReduceOp::kMax,
                              ReduceOp::kBitAnd, ReduceOp::kBitOr, ReduceOp::kBitXor}) {
      if (!takes(op, type)) continue;
      const std::string name = fmt::format("reduce/{}/{}", to_string(type), to_string(op));
      both_sizes(benchmark::RegisterBenchmark(name.c_str(), reduce_into, type, op));
    }
    const std::string name = fmt::format("divide/{}", to_string(type));
    both_sizes(benchmark::RegisterBenchmark(name.c_str(), divide_in_place, type));
  }
  for (const DataType type :
       {DataType::kFloat32, DataType::kBfloat16, DataType::kFloat16, DataType::kFloat64}) {
    const std::string name = fmt::format("scale/{}", to_string(type));
    both_sizes(benchmark::RegisterBenchmark(name.c_str(), scale_into, type));
  }
}

}  // namespace
}  // namespace atoll_core::kernels

int main(int argc, char** argv) {
  using namespace atoll_core::kernels;
  both_sizes(benchmark::RegisterBenchmark("memcpy", copy));
  both_sizes(benchmark::RegisterBenchmark("copy_aside", copy_past_the_caches));
  register_reductions();
  both_sizes(benchmark::RegisterBenchmark("outer_step", outer_step));
  both_sizes(benchmark::RegisterBenchmark("hash128", hash_128));
  both_sizes(benchmark::RegisterBenchmark("hash64", hash_64));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
