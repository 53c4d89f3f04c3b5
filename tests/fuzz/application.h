// Calls of an application, of all kinds and a few sizes, with memory of their own.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/call.h"
#include "fuzz/choices.h"
#include "fuzz/vocabulary.h"
#include "state/digest.h"

namespace atoll_core::fuzz {

// Freed when its call has ended, so that a sanitizer sees who comes too late.
struct CallMemory {
  std::vector<std::unique_ptr<ByteBuffer>> buffers;
  std::unique_ptr<state::StateTable> table;
};

class Application {
 public:
  Application(Choices& choices, const Truth& truth) : choices_(choices), truth_(truth) {}

  engine::CollectiveCall collective(CallMemory& memory) {
    engine::CollectiveCall call;
    const uint8_t choice = choices_.byte();
    call.kind = choice < 0x80 ? wire::OpKind::kAllReduce : static_cast<wire::OpKind>(choice % 10);
    if (call.kind == wire::OpKind::kSync) call.kind = wire::OpKind::kAllReduce;
    call.options = options();
    if (choices_.rarely()) call.reduce = choices_.any_up_to(ReduceOp::kBitXor);
    call.root = somebody();
    call.receiver = somebody();
    const PeerId self = truth_.peers.front().id;
    if (call.kind == wire::OpKind::kSend && call.root != self) call.receiver = self;
    const bool blocks = call.kind == wire::OpKind::kReduceScatter ||
                        call.kind == wire::OpKind::kAllGather ||
                        call.kind == wire::OpKind::kGather || call.kind == wire::OpKind::kScatter;
    if (blocks) {
      for (const wire::PeerInfo& member : truth_.members) call.owners.push_back(member.id);
    }
    if (call.kind == wire::OpKind::kBarrier) return call;
    constexpr std::array<uint64_t, 5> kCounts = {3, 0, 1000, 40000, 300000};
    const uint64_t count = kCounts[choices_.rarely() ? 4 : choices_.below(4)];
    const size_t tensors = blocks ? call.owners.size() : 1 + choices_.below(2);
    const bool in_place = (choice & 1) != 0;
    for (size_t i = 0; i < tensors; ++i) {
      std::byte* source = buffer(memory, count * size_of(call.type));
      std::byte* sink = in_place ? source : buffer(memory, count * size_of(call.type));
      call.tensors.push_back({source, sink, count});
    }
    return call;
  }

  engine::SyncCall sync(CallMemory& memory) {
    make_table(memory);
    (void)memory.table->begin_write();
    (void)memory.table->publish(1 + choices_.below(3));
    engine::SyncCall call;
    call.table = memory.table.get();
    call.digests = state::compute_digests(*memory.table);
    call.strategy = choices_.any_up_to(wire::SyncStrategy::kReceiveOnly);
    call.options = options();
    return call;
  }

  std::optional<engine::FollowCall> follow(CallMemory& memory) {
    if (!choices_.rarely()) return std::nullopt;
    make_table(memory);
    return engine::FollowCall{memory.table.get(), state::compute_digests(*memory.table),
                              choices_.below(2), std::chrono::milliseconds(5000)};
  }

 private:
  engine::CallOptions options() {
    engine::CallOptions options;
    options.tag = choices_.below(2);
    if (choices_.rarely()) {
      options.group = static_cast<engine::CallGroup>(choices_.below(4));
      options.deadline = std::chrono::milliseconds(choices_.below(3) * 1000);
      options.retry = choices_.coin();
      options.algorithm = static_cast<uint32_t>(choices_.below(5));
      options.input_disposable = choices_.coin();
      options.weight = static_cast<double>(choices_.below(3));
    }
    options.keep = choices_.rarely();
    return options;
  }

  PeerId somebody() { return truth_.peers[choices_.below(truth_.peers.size())].id; }

  static std::byte* buffer(CallMemory& memory, size_t bytes) {
    return memory.buffers.emplace_back(std::make_unique<ByteBuffer>(bytes))->data();
  }

  static void make_table(CallMemory& memory) {
    constexpr uint64_t kElements = 16;
    memory.table = std::make_unique<state::StateTable>();
    std::byte* bytes = buffer(memory, kElements * size_of(DataType::kFloat32));
    (void)memory.table->add_tensor("weights", bytes, DataType::kFloat32, kElements);
  }

  Choices& choices_;
  const Truth& truth_;
};

}  // namespace atoll_core::fuzz
