// The kinds of collective bodies; collective_body.h has the table of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/collective_body.h"
#include "engine/kept_segments.h"

namespace atoll_core::engine {

// Barriers that end by a verdict: each tells the coordinator that it has come.
class MeetingBody final : public CollectiveBody {
 public:
  using CollectiveBody::CollectiveBody;

 private:
  bool moves_data() const override { return false; }
};

// Works in the caller's memory, and ends by a verdict.
class LargeBody final : public CollectiveBody {
 public:
  using CollectiveBody::CollectiveBody;
};

// The same of what each has for each: frames count a pair's elements from the beginning of its
// block, and say how many there are.
class CrossingBody final : public CollectiveBody {
 public:
  using CollectiveBody::CollectiveBody;

  bool posts_late() const override;
  const CountDifference* difference() const override {
    return difference_ ? &*difference_ : nullptr;
  }

 private:
  void open_attempt() override;
  uint64_t first_from(uint32_t from) const override { return received_[from].begin; }
  uint64_t first_to(uint32_t to) const override { return sent_[to].begin; }
  uint64_t reach_to(uint32_t to, uint64_t) const override { return sent_[to].count(); }
  bool agrees(uint32_t from, const wire::FrameHeader& header) override;

  std::vector<ElementRange> received_;  // by participant
  std::vector<ElementRange> sent_;
  std::optional<CountDifference> difference_;
};

// As a large one, of which segments stand once they are complete on all participants.
class KeepingBody final : public CollectiveBody {
 public:
  using CollectiveBody::CollectiveBody;

  Result<void> abandon_from(uint64_t kept_below) override;
  KeptProgress freeze() override;
  void thaw() override;
  KeptProgress kept_progress() const override { return kept_.progress(complete_below()); }

 private:
  bool keeps_segments() const override { return true; }
  uint64_t base() const override { return kept_.base(); }
  std::vector<ContributedRange> ranges_before() const override { return kept_.ranges(); }
  std::optional<BackupWindow> backup_window(size_t world) const override;
  void open_attempt() override { kept_.begin(); }
  void begun() override;
  uint64_t own_reach() const override { return kept_.reach(complete_below()); }
  void hear_reach(uint64_t reach) override;
  uint64_t complete_below() const {
    return kept_.base() + (schedule() == nullptr ? 0 : schedule()->complete_below());
  }

  KeptSegments kept_;
};

// Works on a copy that the library owns, ends when it is complete here, and its result is kept.
class SmallBody : public CollectiveBody {
 public:
  using CollectiveBody::CollectiveBody;

  bool may_begin_again() const final { return true; }
  bool small() const final { return true; }
  bool lends_input() const final { return data().reads_caller() && answered_; }
  bool posts_late() const final;
  std::shared_ptr<const ByteBuffer> result() const final { return data().copy(); }
  WeightList weights(const std::vector<PeerId>& contributors) const final;
  Result<void> take_result(ByteSpan payload, bool weighted,
                           const std::vector<PeerId>& contributors) final;
  uint64_t stable_below() const final { return stable_below_; }

 protected:
  void open_attempt() override;
  void hear_reach(uint64_t reach) final;

 private:
  void algorithm_chosen(bool star, bool hub) final;
  void hand_over(const ElementRange& given) final { data().copy_to_caller(given); }

  bool answered_ = false;  // what this peer sends has arrived when the attempt is complete
  uint64_t stable_below_ = 0;
};

// The same of what is sent to each other and not added up: each chunk comes straight from the one
// whose reach it has.
class GatheredBody final : public SmallBody {
 public:
  using SmallBody::SmallBody;

 private:
  void open_attempt() override;
  void hear(uint32_t from, uint64_t reach, bool of_result) override;

  std::vector<uint64_t> heard_of_;  // by participant
};

}  // namespace atoll_core::engine
