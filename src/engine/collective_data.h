// The memory of one collective call, and what is computed in it: what the caller brings and gets,
// what is kept of it until the verdict, what others have brought, and the weights of an average.
// Ranges are of elements(). Names, schedules and frames are the body's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"
#include "codec/tensor_list.h"
#include "collective/schedule.h"
#include "engine/average_weights.h"
#include "engine/call_body.h"
#include "engine/contributions.h"
#include "engine/context.h"
#include "engine/input_backup.h"
#include "engine/work_buffer.h"
#include "link/link.h"
#include "link/out_frame.h"

namespace atoll_core::engine {

// What a chunk tells beside its elements.
struct Said {
  uint64_t reach = 0;   // see CollectiveBody::own_reach
  WeightList weights;  // that are in it
  // Of a result that has come: where it is, and the verified checksum of its elements; 0: none.
  ElementRange range;
  uint64_t checksum = 0;
};

class CollectiveData {
 public:
  struct Traits {
    DataType type = DataType::kFloat32;  // of the elements that travel
    ReduceOp reduce = ReduceOp::kSum;
    bool average = false;
    double weight = 1.0;
    bool small = false;         // works on a copy that frames share
    size_t extra = 0;           // elements of the copy beyond the caller's
    bool keeps_input = false;   // what is overwritten is given back when the call fails
  };

  CollectiveData(const Traits& traits, codec::TensorList caller, Context& context);

  const codec::TensorList& caller() const { return caller_; }
  const codec::TensorList& elements() const { return traits_.small ? work_.tensors() : caller_; }
  DataType type() const { return traits_.type; }
  InputBackup& backup() { return backup_; }
  const AverageWeights& weights() const { return weights_; }
  const std::optional<Error>& failure() const { return failure_; }

  // ---- an attempt begins ----

  // Of a small call: a fresh copy, with what this peer brings.
  void open_copy(const ElementRange& brings);
  // The same without a copy, if he who brings all that is his needs none. False: he does.
  [[nodiscard]] bool open_over_caller(const ElementRange& brings);
  bool reads_caller() const { return work_.reads_caller(); }
  bool has_copy() const { return work_.bytes() != nullptr; }
  // Around a ring, of so many elements; or by owners, whose chunks have at most so many bytes.
  void begin_ring(const AttemptContext& attempt, const std::vector<uint32_t>& ring, uint32_t self,
                  uint64_t count);
  void begin_collecting(const AttemptContext& attempt, uint32_t self, size_t chunk_bytes_max);
  // What this peer brings is sent from a copy: others may still need it when the result is here.
  void keep_source();

  // ---- chunks ----

  link::Placement place(collective::Action action, const ElementRange& range, uint32_t from,
                        const wire::FrameHeader& header);
  // A chunk that has come does what was accepted; `said` is made what holds for it from now on.
  // False, and failure(): nothing is overwritten any more.
  [[nodiscard]] bool take(const collective::Accepted& accepted, const ElementRange& range,
                          uint32_t from, const wire::FrameHeader& header,
                          const link::Payload& elements, uint64_t own_reach, Said& said);
  // All contributions to a range have come.
  [[nodiscard]] bool combine(const ElementRange& range, uint64_t own_reach, Said& said);
  // Of a chunk of the result, as it is sent.
  uint64_t checksum_of(const ElementRange& range) const;
  // This peer is alone; `stands`: with what it makes there is nothing to give back.
  void take_own(const ElementRange& range, bool stands);
  void append_payload(const collective::Transfer& transfer, const Said& said,
                      link::OutFrame& frame);

  // ---- an attempt ends ----

  // Everything is made what it was.
  void restore();
  // The result of a small call.
  void copy_to_caller(const ElementRange& range) const { work_.copy_to(caller_, range); }
  void clear_caller(const ElementRange& range) const;
  std::shared_ptr<const ByteBuffer> copy() const { return work_.bytes(); }
  // Made by others, with the weights in it.
  Result<void> take_result(ByteSpan payload, bool weighted,
                           const std::vector<PeerId>& contributors);

 private:
  // The copy of a small call is scaled already.
  bool scales_when_read() const { return weights_.scales() && !traits_.small; }
  [[nodiscard]] bool keep(const ElementRange& range);
  bool fail_for_memory(const ElementRange& range);
  bool collect(const ElementRange& range, uint32_t from, const link::Payload& elements,
               const Said& said);
  void store(const ElementRange& range, const link::Payload& elements);
  void reduce(const ElementRange& range, ByteSpan elements);
  void finish(const ElementRange& range, uint32_t step, const WeightList& weights);

  const Traits traits_;
  Context& context_;
  AverageWeights weights_;
  const codec::TensorList caller_;
  InputBackup backup_;  // of large calls
  Contributions contributions_;
  WorkBuffer work_;     // of small calls
  std::shared_ptr<ByteBuffer> source_;
  AttemptId attempt_;
  uint32_t self_ = 0;   // which participant
  std::optional<Error> failure_;
};

}  // namespace atoll_core::engine
