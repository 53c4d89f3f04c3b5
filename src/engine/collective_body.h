// Collectives and sends: one attempt carries out a schedule over tensors. There are six kinds, by
// what is special in them (collective_kinds.h); this is what they have in common.
//
//   kind      calls                             where it works     its reach says
//   meeting   barriers that the coordinator     nowhere            nothing
//             ends
//   large     all that the coordinator ends     caller's memory    nothing
//   crossing  all-to-alls, whose ranges are     caller's memory    how long the block is that the
//             counted within each pair's block                     sender has for the receiver
//   keeping   large all-reduces of which        caller's memory    how far the result is complete
//             segments stand
//   small     reductions that end here, also    a copy             below which call of its name all
//             of what adds nothing up                              have ended
//   gathered  what is small and is sent, not    a copy             the same, each for itself
//             reduced
//
// The reach is what each chunk says beside its elements. What has been through all participants
// says the least of what they have said.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/call_body.h"
#include "engine/collective_data.h"
#include "engine/context.h"
#include "engine/link_table.h"
#include "engine/schedule_choice.h"

namespace atoll_core::engine {

// What a body is made of.
struct CollectiveParts {
  CollectiveCall call;
  codec::TensorList tensors;
  CollectiveData::Traits traits;
  wire::OpKind carried_out_as;
  std::unique_ptr<std::byte[]> sinks;  // memory of tensors whose results are not the caller's
};

class CollectiveBody : public CallBody {
 public:
  CollectiveBody(CollectiveParts parts, Context& context, LinkTable& links);

  // Once, before the first attempt, of so many participants. An error: it may not be so much.
  std::optional<Error> reserve_backup(size_t world);

  void begin(AttemptContext attempt) final;
  void abandon() final;
  bool may_begin_again() const override;
  Result<link::Placement> place(PeerId from, const wire::FrameHeader& header) final;
  Result<void> deliver(PeerId from, const wire::FrameHeader& header,
                       const link::Payload& payload) final;
  void on_plan(const wire::SyncPlan&) final {}
  bool complete() const final { return schedule_ == nullptr || schedule_->complete(); }
  const Error* failure() const final { return data_.failure() ? &*data_.failure() : nullptr; }
  wire::ToCoordinator done_message() const final;
  std::vector<PeerId> senders() const final;
  uint64_t progress() const final { return progress_; }
  Traffic traffic() const final { return {bytes_sent_, bytes_received_}; }
  Result<CallInfo> commit(const std::vector<PeerId>& contributors, uint32_t attempts) final;

 protected:
  // ---- what is special in a kind
  // A meeting has no schedule.
  virtual bool moves_data() const { return true; }
  // What is complete stands: segments are made in order, and an attempt begins where the one before
  // it has ended, at base().
  virtual bool keeps_segments() const { return false; }
  virtual uint64_t base() const { return 0; }
  virtual std::vector<ContributedRange> ranges_before() const { return {}; }
  virtual std::optional<BackupWindow> backup_window(size_t) const { return std::nullopt; }
  // An attempt begins; nothing has been sent.
  virtual void open_attempt() {}
  // It goes over a star, perhaps with this peer as its hub.
  virtual void algorithm_chosen(bool /*star*/, bool /*hub*/) {}
  // What begins here has been sent.
  virtual void begun() {}
  virtual uint64_t own_reach() const { return attempt_.ended_below; }
  // A chunk of the result, or of a contribution, has come and says this.
  virtual void hear(uint32_t from, uint64_t reach, bool of_result);
  // All participants have said at least this.
  virtual void hear_reach(uint64_t) {}
  // Ranges in frames are counted from here; of what comes from, and goes to, a participant.
  virtual uint64_t first_from(uint32_t) const { return 0; }
  virtual uint64_t first_to(uint32_t) const { return 0; }
  virtual uint64_t reach_to(uint32_t, uint64_t reach) const { return reach; }
  // False, and difference(): the sender means another call with it.
  virtual bool agrees(uint32_t /*from*/, const wire::FrameHeader&) { return true; }
  // The call has committed: what this peer is given of the result.
  virtual void hand_over(const ElementRange& /*given*/) {}

  // ---- for the kinds
  const CollectiveCall& call() const { return call_; }
  const AttemptContext& attempt() const { return attempt_; }
  CollectiveData& data() { return data_; }
  const CollectiveData& data() const { return data_; }
  const codec::TensorList& elements() const { return data_.elements(); }
  uint32_t self() const { return index_of(attempt_.self); }
  collective::Schedule* schedule() const { return schedule_.get(); }
  // What this attempt has made, up to `end`.
  Result<ContributedRange> range_to(uint64_t end, const std::vector<PeerId>& contributors) const;
  uint32_t chunk_bytes_configured() const;
  uint32_t chunk_bytes_least() const;  // what a chunk has in any case
  // What this peer says with what begins here.
  Said own_say() const { return {own_reach(), data_.weights().own(), {}, 0}; }
  // What is sent on says what `said` says; what begins here, what holds here.
  void carry_out(const collective::Work& work, Said said);
  // The result came as a whole, from another member.
  void note_result(size_t bytes);

 private:
  uint32_t world() const { return static_cast<uint32_t>(attempt_.participants.size()); }
  uint32_t index_of(PeerId peer) const;
  // An attempt is about what the ones before it have not made; its schedule counts from there.
  uint64_t elements_left() const { return elements().total_count() - base(); }
  ElementRange absolute(const ElementRange& of_schedule) const {
    return {of_schedule.begin + base(), of_schedule.end + base()};
  }
  uint32_t chunk_bytes_max() const;  // by the plan of the attempt
  ScheduleNeeds needs() const;
  ElementRange travelling_block(PeerId peer) const;
  void begin_schedule();
  collective::ScheduleRequest schedule_request(topology::Algorithm algorithm) const;
  uint32_t segments_in_flight(topology::Algorithm algorithm) const;
  void trace_schedule(topology::Algorithm algorithm) const;
  Result<collective::Accepted> expect(PeerId from, const wire::FrameHeader& header,
                                      collective::Arrival& arrival) const;
  void send(const collective::Transfer& transfer, const Said& says);

  const CollectiveCall call_;
  const std::unique_ptr<std::byte[]> sinks_;
  const wire::OpKind kind_;     // as it is carried out
  const uint64_t extra_;        // elements that travel beside the caller's
  Context& context_;
  LinkTable& links_;
  CollectiveData data_;
  AttemptContext attempt_;
  std::unique_ptr<collective::Schedule> schedule_;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t progress_ = 0;
};

}  // namespace atoll_core::engine
