#include "simulate/connection.h"

#include <algorithm>
#include <utility>

namespace atoll_core::simulate {

void Connection::put(End from, Item item) {
  Direction& direction = directions_[from];
  const TimePoint now = place_.time.now();
  item.arrival = now + place_.random.between(delays_.least, delays_.most);
  if (!direction.queue.empty()) {
    item.arrival = std::max(item.arrival, direction.queue.back().arrival);
  }
  direction.in_flight += item.bytes.size();
  direction.queue.push_back(std::move(item));
  if (!direction.scheduled) schedule(from, direction.queue.front().arrival);
}

void Connection::schedule(End from, TimePoint time) {
  directions_[from].scheduled = true;
  place_.time.at(time, [self = shared_from_this(), from] { self->deliver(from); });
}

// One piece at a time, so that anything may happen between two.
void Connection::deliver(End from) {
  Direction& direction = directions_[from];
  direction.scheduled = false;
  if (direction.queue.empty()) return;
  const End to = other(from);
  const TimePoint passable = place_.network.passable_at(nodes_[from], nodes_[to]);
  if (passable > place_.time.now()) {
    if (passable != kNever) schedule(from, passable);
    return;
  }
  if (direction.queue.front().arrival > place_.time.now()) {  // what was before it has been lost
    return schedule(from, direction.queue.front().arrival);
  }
  const Item item = std::move(direction.queue.front());
  direction.queue.pop_front();
  direction.in_flight -= item.bytes.size();
  if (!direction.queue.empty()) schedule(from, direction.queue.front().arrival);
  if (deaf_[to]) return;
  if (item.event) return item.event();
  if (handlers_[to].on_bytes) handlers_[to].on_bytes(as_bytes(item.bytes));
}

void Connection::send(End from, std::string bytes) {
  if (deaf_[from] || directions_[from].closing) return;
  put(from, {{}, std::move(bytes), {}});
}

void Connection::tell(End from, std::function<void()> event) {
  if (directions_[from].closing) return;
  put(from, {{}, {}, std::move(event)});
}

void Connection::hear_close(End at, const std::string& reason) {
  if (std::exchange(deaf_[at], true)) return;
  directions_[at].closing = true;
  // The handler may hold the last reference to what it belongs to.
  const Handler handler = std::exchange(handlers_[at], {});
  if (handler.on_closed) handler.on_closed(reason);
}

void Connection::hear_close_later(End at, Duration delay, const std::string& reason) {
  place_.time.after(delay, [self = shared_from_this(), at, reason] {
    const TimePoint now = self->place_.time.now();
    const TimePoint awake = self->place_.network.awake_at(self->nodes_[at]);
    if (awake > now) return self->hear_close_later(at, awake - now, reason);
    self->hear_close(at, reason);
  });
}

void Connection::announce_close(End from, const std::string& reason) {
  if (directions_[from].closing) return;
  // Not a reference to itself: what never arrives would hold it for ever.
  put(from, {{}, {}, [this, from, reason] { hear_close(other(from), reason); }});
  directions_[from].closing = true;
}

void Connection::lose_some(End from) {
  Direction& direction = directions_[from];
  if (direction.closing || direction.queue.empty()) return;
  const uint64_t kept = place_.random.below(direction.queue.size() + 1);
  while (direction.queue.size() > kept) {
    direction.in_flight -= direction.queue.back().bytes.size();
    direction.queue.pop_back();
  }
}

void Connection::close(End end, const std::string& reason) {
  deaf_[end] = true;
  handlers_[end] = {};
  announce_close(end, reason);
}

void Connection::abandon(End end, const std::string& reason) {
  lose_some(end);
  close(end, reason);
}

void Connection::cut(const std::string& reason) {
  for (const End from : {kDialler, kListener}) {
    lose_some(from);
    announce_close(from, reason);
  }
}

void Connection::sever(const std::string& reason) {
  for (const End end : {kDialler, kListener}) {
    directions_[end].closing = true;
    hear_close_later(end, place_.random.between(delays_.least, delays_.most), reason);
  }
}

void Connection::strand(Duration silence) {
  for (const End end : {kDialler, kListener}) {
    lose_some(end);
    directions_[end].closing = true;
    hear_close_later(end, silence, "connection timed out");
  }
}

void Connection::forget(End end, Duration silence) {
  lose_some(end);
  announce_close(end, "connection reset by something between");
  const End there = other(end);
  lose_some(there);
  directions_[there].closing = true;
  hear_close_later(end, silence, "connection timed out");
}

}  // namespace atoll_core::simulate
