#include "simulate/connection.h"

#include <algorithm>
#include <utility>

namespace atoll_core::simulate {

TimePoint Connection::arrival(Direction& direction) {
  const TimePoint earliest = time_.now() + random_.between(delays_.least, delays_.most);
  direction.last_arrival = std::max(direction.last_arrival, earliest);
  return direction.last_arrival;
}

void Connection::send(End from, std::string bytes) {
  Direction& direction = directions_[from];
  if (deaf_[from] || direction.closing) return;
  direction.in_flight += bytes.size();
  const TimePoint when = arrival(direction);
  time_.at(when, [self = shared_from_this(), from, when, bytes = std::move(bytes)] {
    Direction& way = self->directions_[from];
    way.in_flight -= bytes.size();
    const End to = other(from);
    if (self->deaf_[to] || when > way.lost_after) return;
    self->handlers_[to].on_bytes(as_bytes(bytes));
  });
}

void Connection::tell(End from, std::function<void()> event) {
  const TimePoint when = arrival(directions_[from]);
  time_.at(when, [self = shared_from_this(), from, when, event = std::move(event)] {
    if (!self->deaf_[other(from)] && when <= self->directions_[from].lost_after) event();
  });
}

void Connection::announce_close(End from, const std::string& reason) {
  Direction& direction = directions_[from];
  if (std::exchange(direction.closing, true)) return;
  const TimePoint when = std::max(time_.now(), std::min(direction.lost_after, arrival(direction)));
  time_.at(when, [self = shared_from_this(), from, reason] {
    const End to = other(from);
    if (std::exchange(self->deaf_[to], true)) return;
    self->directions_[to].closing = true;
    // The handler may hold the last reference to what it belongs to.
    const Handler handler = std::exchange(self->handlers_[to], {});
    handler.on_closed(reason);
  });
}

void Connection::lose_some(Direction& direction) {
  if (direction.last_arrival <= time_.now()) return;
  const Duration span = direction.last_arrival - time_.now();
  direction.lost_after = std::min(direction.lost_after,
                                  time_.now() + random_.between(Duration{0}, span));
}

void Connection::close(End end, const std::string& reason) {
  deaf_[end] = true;
  handlers_[end] = {};
  announce_close(end, reason);
}

void Connection::abandon(End end, const std::string& reason) {
  lose_some(directions_[end]);
  close(end, reason);
}

void Connection::cut(const std::string& reason) {
  for (const End from : {kDialler, kListener}) {
    lose_some(directions_[from]);
    announce_close(from, reason);
  }
}

}  // namespace atoll_core::simulate
