// What a schedule costs per chunk: whole collectives of all their participants, without bytes,
// links or kernels. items_per_second counts chunks that were expected, absorbed and followed by
// what they make possible.
#include <cstdint>
#include <deque>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "collective/make_schedule.h"

namespace atoll_core::collective {
namespace {

constexpr uint64_t kElements = 64 << 20;  // 256 MiB of float32

struct InFlight {
  uint32_t to = 0;
  Arrival arrival;
};

using Ring = std::vector<uint32_t>;
using Schedules = std::vector<std::unique_ptr<Schedule>>;
using Make = std::unique_ptr<Schedule> (*)(const ScheduleRequest&);

Schedules make_schedules(Make make, uint32_t world) {
  Schedules all;
  for (uint32_t self = 0; self < world; ++self) {
    ScheduleRequest request;
    request.world = world;
    request.self = self;
    request.count = kElements;
    all.push_back(make(request));
  }
  return all;
}

void send(std::deque<InFlight>& queue, uint32_t from, const Work& work) {
  for (const Transfer& transfer : work.sends) {
    queue.push_back({transfer.to, {from, transfer.segment, transfer.step, transfer.range}});
  }
}

// Returns how many chunks went around; negative when one was refused.
int64_t run(Schedules& schedules) {
  std::deque<InFlight> queue;
  int64_t chunks = 0;
  for (uint32_t self = 0; self < schedules.size(); ++self) {
    Work work;
    schedules[self]->start(work);
    send(queue, self, work);
  }
  for (; !queue.empty(); ++chunks) {
    const InFlight next = queue.front();
    queue.pop_front();
    Schedule& schedule = *schedules[next.to];
    if (!schedule.expect(next.arrival)) return -1;
    Work work;
    schedule.absorbed(next.arrival, work);
    send(queue, next.to, work);
  }
  return chunks;
}

void step(benchmark::State& state, Make make) {
  int64_t chunks = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Schedules schedules = make_schedules(make, static_cast<uint32_t>(state.range(0)));
    state.ResumeTiming();
    const int64_t moved = run(schedules);
    for (const auto& schedule : schedules) {
      if (moved < 0 || !schedule->complete()) state.SkipWithError("it does not come to its end");
    }
    chunks += moved;
  }
  state.SetItemsProcessed(chunks);
}

Ring in_order(uint32_t world) {
  Ring ring(world);
  std::iota(ring.begin(), ring.end(), 0u);
  return ring;
}

std::vector<uint32_t> even_shares(uint32_t world) { return std::vector<uint32_t>(world, 1); }

// One for each participant, of the whole data together.
std::vector<ElementRange> even_regions(const ScheduleRequest& request) {
  return regions_of_shares(request.count, even_shares(request.world));
}

std::vector<Block> even_blocks(const ScheduleRequest& request, uint32_t to) {
  std::vector<Block> blocks;
  for (const ElementRange& region : even_regions(request)) {
    blocks.push_back({region, static_cast<uint32_t>(blocks.size()), to});
  }
  return blocks;
}

std::unique_ptr<Schedule> make_scatter(const ScheduleRequest& request) {
  std::vector<Block> blocks;
  for (const ElementRange& region : even_regions(request)) {
    blocks.push_back({region, 0, static_cast<uint32_t>(blocks.size())});
  }
  return make_exchange(request, blocks);
}

const std::vector<std::pair<const char*, Make>> kSchedules = {
    {"all_reduce/ring", [](const auto& r) { return make_ring_all_reduce(r, in_order(r.world)); }},
    {"all_reduce/star", [](const auto& r) { return make_star_all_reduce(r, 0); }},
    {"all_reduce/mesh",
     [](const auto& r) { return make_mesh_all_reduce(r, even_shares(r.world)); }},
    {"all_reduce/direct", [](const auto& r) { return make_direct_all_reduce(r); }},
    {"broadcast", [](const auto& r) { return make_ring_broadcast(r, in_order(r.world), 0); }},
    {"reduce", [](const auto& r) { return make_reduce(r, even_shares(r.world), 0); }},
    {"reduce_scatter", [](const auto& r) { return make_reduce_scatter(r, even_regions(r)); }},
    {"all_gather",
     [](const auto& r) { return make_exchange(r, even_blocks(r, kAllMembers)); }},
    {"gather", [](const auto& r) { return make_exchange(r, even_blocks(r, 0)); }},
    {"scatter", make_scatter},
};

}  // namespace
}  // namespace atoll_core::collective

int main(int argc, char** argv) {
  using atoll_core::collective::kSchedules;
  for (const auto& [name, make] : kSchedules) {
    benchmark::RegisterBenchmark(name, atoll_core::collective::step, make)->Arg(2)->Arg(4)->Arg(16);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
