// Two links wired back to back over connections whose bytes a test moves by hand, any number at a
// time. What each side's owner is told is recorded.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/link/frames.h"
#include "link/frame_stream.h"
#include "link/link.h"

namespace atoll_core::link {

// One side: its link, and an owner that places payloads where the test says.
class Side final : public LinkOwner {
 public:
  using Place = std::function<Result<Placement>(const wire::FrameHeader&)>;

  explicit Side(const std::string& peer_name) : link_(config(peer_name), *this) {}

  Link& link() { return link_; }
  void place_by(Place place) { place_ = std::move(place); }

  struct Delivered {
    wire::FrameHeader header;
    ByteBuffer payload;
    std::shared_ptr<ByteBuffer> holder;
  };
  // By element_offset, which tests use as the frame's number.
  const std::map<uint64_t, Delivered>& delivered() const { return delivered_; }
  uint64_t deliveries() const { return deliveries_; }

  Result<Placement> place(Link&, const wire::FrameHeader& header) override {
    if (place_) return place_(header);
    return Placement{Placement::Kind::kScratch, {}};
  }
  Result<void> deliver(Link&, const wire::FrameHeader& header, const Payload& payload) override {
    ++deliveries_;
    delivered_[header.element_offset] = {
        header, ByteBuffer(payload.bytes.begin(), payload.bytes.end()), payload.holder};
    return {};
  }
  Result<void> deliver_kept(Link& link, const wire::FrameHeader& header,
                            ByteBuffer payload) override {
    return deliver(link, header, {payload, nullptr});
  }
  void wake(Link&, ConnectionKey) override {}

 private:
  static LinkConfig config(const std::string& peer_name) {
    LinkConfig config;
    config.peer = PeerId{1};
    config.peer_name = peer_name;
    return config;
  }

  Link link_;
  Place place_;
  std::map<uint64_t, Delivered> delivered_;
  uint64_t deliveries_ = 0;
};

class LinkPair {
 public:
  static constexpr int kHere = 0;
  static constexpr int kThere = 1;

  LinkPair() : sides_{std::make_unique<Side>("there"), std::make_unique<Side>("here")} {}

  Side& here() { return *sides_[kHere]; }
  Side& there() { return *sides_[kThere]; }
  Side& side(int index) { return *sides_[static_cast<size_t>(index)]; }
  const std::set<ConnectionKey>& connections() const { return connections_; }

  ConnectionKey add() {
    const ConnectionKey key = ++last_key_;
    connections_.insert(key);
    here().link().add_connection(key);
    there().link().add_connection(key);
    return key;
  }
  // What is on its way is lost.
  void cut(ConnectionKey key) {
    connections_.erase(key);
    for (auto& way : on_the_way_) way.erase(key);
    here().link().remove_connection(key);
    there().link().remove_connection(key);
  }

  // Takes up to `bytes` from the writer; they are then on the way. Returns how many.
  size_t write(int from, ConnectionKey key, size_t bytes) {
    FrameStream* stream = side(from).link().stream(key);
    std::array<ByteSpan, 6> spans;
    const size_t used = stream->write_spans(spans);
    ByteBuffer& way = on_the_way_[static_cast<size_t>(from)][key];
    size_t moved = 0;
    for (size_t i = 0; i < used; ++i) {
      const ByteSpan part = spans[i].first(std::min(spans[i].size(), bytes - moved));
      way.insert(way.end(), part.begin(), part.end());
      moved += part.size();
    }
    if (moved > 0) stream->on_written(moved);
    return moved;
  }
  // Hands up to `bytes` of what is on the way to the reader. False: its stream broke.
  bool read(int to, ConnectionKey key, size_t bytes) {
    FrameStream* stream = side(to).link().stream(key);
    ByteBuffer& way = on_the_way_[static_cast<size_t>(1 - to)][key];
    bytes = std::min(bytes, way.size());
    while (bytes > 0) {
      std::array<MutableByteSpan, 4> spans;
      const size_t used = stream->read_spans(spans);
      size_t moved = 0;
      for (size_t i = 0; i < used && moved < bytes; ++i) {
        const size_t part = std::min(spans[i].size(), bytes - moved);
        std::memcpy(spans[i].data(), way.data() + moved, part);
        moved += part;
      }
      way.erase(way.begin(), way.begin() + static_cast<std::ptrdiff_t>(moved));
      bytes -= moved;
      if (!stream->on_read(now_, moved)) {
        reason_ = stream->broken_reason();
        return false;
      }
    }
    return true;
  }
  // Everything, both ways, until nothing moves.
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const ConnectionKey key : connections_) {
        for (const int from : {kHere, kThere}) {
          while (write(from, key, 1u << 20) > 0) moved = true;
          ASSERT_TRUE(read(1 - from, key, SIZE_MAX)) << reason_;
        }
      }
    }
  }
  // So that acknowledgements become due.
  void pass(Duration time) {
    now_ += time;
    here().link().tick(now_);
    there().link().tick(now_);
  }

  TimePoint now() const { return now_; }

  ByteBuffer& on_the_way(int from, ConnectionKey key) {
    return on_the_way_[static_cast<size_t>(from)][key];
  }
  const std::string& reason() const { return reason_; }

 private:
  std::array<std::unique_ptr<Side>, 2> sides_;
  std::set<ConnectionKey> connections_;
  std::array<std::map<ConnectionKey, ByteBuffer>, 2> on_the_way_;  // by sender
  ConnectionKey last_key_ = 0;
  TimePoint now_{};
  std::string reason_;
};

}  // namespace atoll_core::link
