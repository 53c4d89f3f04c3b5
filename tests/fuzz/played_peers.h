// What other peers may say to the engine of engine_fuzz.cpp: connections that they open or answer,
// and frames. Frames of their own would hardly ever fit what the engine is about to do, so most are
// what it sends itself, mirrored, with now and then a lie.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "fuzz/one_engine.h"
#include "fuzz/other_ends.h"
#include "wire/hello.h"

namespace atoll_core::fuzz {

class PlayedPeers {
 public:
  explicit PlayedPeers(OneEngine& one) : one_(one) {}

  // ---- connections
  void accept(bool right);
  void accept_of(size_t peer);  // a right one
  void dialled(const engine::output::Dial& dial);
  void answer_dial();
  void started(link::ConnectionKey key);
  void closed(link::ConnectionKey key) { connections_.erase(key); }
  void reset(link::ConnectionKey key);
  std::optional<link::ConnectionKey> some_connection();
  bool is_started(link::ConnectionKey key) const;

  // ---- frames, over a connection that is started
  // What this peer has heard of the engine, as if it did the same; false: nothing is left of it.
  bool mirror_one(link::ConnectionKey key);
  void lie(link::ConnectionKey key);
  // Takes what the engine has to write, and the frames in it; false: nothing.
  bool take_written();

 private:
  wire::Hello hello_of(size_t peer);
  void send(link::ConnectionKey key, OtherEnd& end, Frame frame);
  void feed(link::ConnectionKey key, const std::string& bytes);

  OneEngine& one_;
  FrameLies lies_{one_.choices, one_.words};
  size_t next_peer_ = 1;
  link::ConnectionKey last_key_ = 0;
  std::map<link::ConnectionKey, Connection> connections_;
  std::map<size_t, OtherEnd> ends_;  // by place
  std::map<size_t, uint64_t> lives_;  // of these ends, if not 1
  std::deque<engine::output::Dial> dials_;
};

}  // namespace atoll_core::fuzz
