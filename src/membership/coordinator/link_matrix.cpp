#include "membership/coordinator/link_matrix.h"

#include <utility>

namespace atoll_core::membership {
namespace {

constexpr size_t kWordBits = 64;

bool test(const std::vector<uint64_t>& bits, size_t place) {
  const size_t word = place / kWordBits;
  return word < bits.size() && (bits[word] >> (place % kWordBits) & 1) != 0;
}

void set(std::vector<uint64_t>& bits, size_t place, bool value) {
  const size_t word = place / kWordBits;
  if (word >= bits.size()) bits.resize(word + 1);
  const uint64_t bit = uint64_t{1} << (place % kWordBits);
  bits[word] = value ? bits[word] | bit : bits[word] & ~bit;
}

}  // namespace

const LinkMatrix::Row* LinkMatrix::find(PeerId peer) const {
  const auto found = places_.find(peer);
  return found == places_.end() ? nullptr : &rows_[found->second];
}

size_t LinkMatrix::place_of(PeerId peer) {
  const auto found = places_.find(peer);
  if (found != places_.end()) return found->second;
  size_t place = rows_.size();
  if (free_places_.empty()) {
    rows_.emplace_back();
  } else {
    place = free_places_.back();
    free_places_.pop_back();
  }
  places_.emplace(peer, place);
  return place;
}

void LinkMatrix::set_linked(size_t one, size_t other, bool linked) {
  for (const auto& [row, column] : {std::pair{one, other}, std::pair{other, one}}) {
    if (test(rows_[row].linked, column) == linked) continue;
    set(rows_[row].linked, column, linked);
    if (linked) ++rows_[row].linked_count;
    else --rows_[row].linked_count;
  }
}

void LinkMatrix::report(PeerId from, PeerId to, wire::LinkState state) {
  if (from == to) return;
  const bool up = state == wire::LinkState::kUp;
  const size_t row = place_of(from);
  const size_t column = place_of(to);
  set(rows_[row].says, column, up);
  set_linked(row, column, up && test(rows_[column].says, row));
}

void LinkMatrix::forget(PeerId peer) {
  const auto found = places_.find(peer);
  if (found == places_.end()) return;
  const size_t place = found->second;
  for (size_t other = 0; other < rows_.size(); ++other) {
    if (other == place) continue;
    set_linked(place, other, false);
    if (test(rows_[other].says, place)) set(rows_[other].says, place, false);
  }
  rows_[place] = {};
  free_places_.push_back(place);
  places_.erase(found);
}

bool LinkMatrix::linked(PeerId one, PeerId other) const {
  const Row* row = find(one);
  const auto column = places_.find(other);
  return row != nullptr && column != places_.end() && test(row->linked, column->second);
}

size_t LinkMatrix::count(PeerId peer) const {
  const Row* row = find(peer);
  return row == nullptr ? 0 : row->linked_count;
}

void LinkMatrix::Group::add(PeerId peer) {
  empty_ = false;
  const auto place = links_->places_.find(peer);
  if (place == links_->places_.end()) has_stranger_ = true;
  else set(bits_, place->second, true);
}

bool LinkMatrix::Group::all_linked_with(PeerId peer) const {
  if (empty_) return true;
  const Row* row = links_->find(peer);
  if (has_stranger_ || row == nullptr) return false;
  for (size_t word = 0; word < bits_.size(); ++word) {
    const uint64_t linked = word < row->linked.size() ? row->linked[word] : 0;
    if ((bits_[word] & ~linked) != 0) return false;
  }
  return true;
}

}  // namespace atoll_core::membership
