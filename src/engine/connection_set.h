// The connections of one link: who dialled which, and which of them stay.
//
// Either side dials, since some peers can dial and not be dialled. The larger id dials first; the
// smaller one when there has been no connection for a moment. So both may get through at once, and
// both ends must come to the same choice without a word: the connections that the larger id has
// dialled stay. In one case those of the smaller id do: it dials only when it has none, so what
// stands for long at the other end then, and never crossed with its dial, has been lost unnoticed
// (for example, the smaller one's address has changed).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/time.h"
#include "link/send_window.h"

namespace atoll_core::engine {

enum class Dialler : uint8_t { kHere, kThere };

class ConnectionSet {
 public:
  // What a new connection changes.
  struct Change {
    bool stays = false;                     // false: the new one is to be closed
    std::vector<link::ConnectionKey> gone;  // these are to be closed
  };

  // `first`: whose connections stay when both sides have dialled. `longest_dial`: how long a dial
  // may take.
  ConnectionSet(Dialler first, Duration longest_dial)
      : first_(first), longest_dial_(longest_dial) {}

  // `index`: its place in the link, as its dialler counts them. A dialler fills only places where
  // it has no connection; so one that stands there is lost, and its other end knows.
  Change add(link::ConnectionKey key, Dialler dialler, uint8_t index, TimePoint now);
  void remove(link::ConnectionKey key) { all_.erase(key); }

  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }
  std::vector<link::ConnectionKey> keys() const;
  // Who is to make up for what is missing in a set that is not empty.
  Dialler dialler() const;
  bool has(Dialler dialler) const;
  // Whether this place, of those that are dialled from here, is taken.
  bool taken(uint8_t index) const;

 private:
  struct Member {
    Dialler dialler = Dialler::kHere;
    uint8_t index = 0;
    TimePoint since{};
  };

  bool younger_than_a_dial(Dialler dialler, TimePoint now) const;
  void take_away(Dialler dialler, Change& change);

  Dialler first_;
  Duration longest_dial_;
  std::map<link::ConnectionKey, Member> all_;
};

}  // namespace atoll_core::engine
