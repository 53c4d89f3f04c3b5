// What a schedule costs per chunk: whole collectives of all their participants, without bytes,
// links or kernels. items_per_second counts chunks that were expected, absorbed and followed by
// what they make possible.
#include <cstdint>
#include <deque>
#include <memory>
#include <numeric>
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

using Schedules = std::vector<std::unique_ptr<Schedule>>;
using Make = std::unique_ptr<Schedule> (*)(const ScheduleRequest&, const std::vector<uint32_t>&);

Schedules make_schedules(Make make, uint32_t world) {
  std::vector<uint32_t> ring(world);
  std::iota(ring.begin(), ring.end(), 0u);
  Schedules all;
  for (uint32_t self = 0; self < world; ++self) {
    ScheduleRequest request;
    request.world = world;
    request.self = self;
    request.count = kElements;
    all.push_back(make(request, ring));
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

void all_reduce(benchmark::State& state) { step(state, make_ring_all_reduce); }
BENCHMARK(all_reduce)->Name("ring/all_reduce")->Arg(2)->Arg(4)->Arg(16)->Arg(64);

void broadcast(benchmark::State& state) {
  step(state, [](const ScheduleRequest& request, const std::vector<uint32_t>& ring) {
    return make_ring_broadcast(request, ring, 0);
  });
}
BENCHMARK(broadcast)->Name("ring/broadcast")->Arg(2)->Arg(16);

}  // namespace
}  // namespace atoll_core::collective

BENCHMARK_MAIN();
