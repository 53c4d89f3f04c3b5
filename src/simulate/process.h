// What the halves of the world share: one life of a peer and its ends of data connections.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "simulate/world.h"

namespace atoll_core::simulate {

// One process's end of a data connection.
struct World::DataEnd {
  std::shared_ptr<Connection> connection;
  Connection::End end = Connection::kDialler;
  bool started = false;
  bool write_scheduled = false;
  std::string inbox;                   // arrived, not yet read
  std::optional<std::string> closed;   // the other end is gone; told after the inbox was read
};

struct World::Process {
  ProcessId id = 0;
  std::string name;
  std::unique_ptr<engine::Engine> engine;
  TimePoint due = kNever;  // the engine's next deadline
  std::shared_ptr<Connection> control;
  uint64_t control_dial = 0;  // the dial that is in progress or made `control`
  std::map<link::ConnectionKey, DataEnd> ends;
  std::map<engine::DialId, bool> dials;  // in progress
  link::ConnectionKey next_key = 1;
  engine::CallId next_call = 1;
  std::map<engine::CallId, Ended> calls;
  std::optional<Error> left;
  bool dying = false;
  bool last_first = false;
  bool corrupt_next = false;
  uint16_t port = 0;        // where it listens
  bool moved = false;       // and its engine does not know yet
  bool can_be_dialled = true;
};

}  // namespace atoll_core::simulate
