#include "transport/loop.h"

#include <array>

#include "process/descriptors.h"
#include "transport/stream_connection.h"

namespace atoll_core::transport {
namespace {

// Asio tells nobody the numbers of the descriptors by which a loop waits. To name private members
// in an explicit instantiation is allowed; so this does not compile where Asio has others.
template <class Tag, typename Tag::Pointer member>
struct Reveal {
  friend typename Tag::Pointer reveal(Tag) { return member; }
};
template <class Member>
struct ReactorMember {
  using Pointer = Member asio::detail::epoll_reactor::*;
};
struct Epoll : ReactorMember<int> {
  friend Pointer reveal(Epoll);
};
struct Timer : ReactorMember<int> {
  friend Pointer reveal(Timer);
};
struct Interrupter : ReactorMember<asio::detail::select_interrupter> {
  friend Pointer reveal(Interrupter);
};
template struct Reveal<Epoll, &asio::detail::epoll_reactor::epoll_fd_>;
template struct Reveal<Timer, &asio::detail::epoll_reactor::timer_fd_>;
template struct Reveal<Interrupter, &asio::detail::epoll_reactor::interrupter_>;

// Opens them if they are not open yet.
std::array<int, 3> descriptors_of(asio::io_context& context) {
  auto& reactor = asio::use_service<asio::detail::epoll_reactor>(context);
  return {reactor.*reveal(Epoll{}), reactor.*reveal(Timer{}),
          (reactor.*reveal(Interrupter{})).read_descriptor()};
}

}  // namespace

// One thread at a time runs the loop; the hint only drops wake-ups of further threads. Posting
// from other threads stays safe.
Loop::Loop() : context_(1), door_(std::make_shared<LoopDoor>(context_)) {
  const process::StandardTaken standard;
  process::ForkPause pause;
  for (const int descriptor : descriptors_of(context_)) pause.note(descriptor);
}

// A child that is forked between this and the end of the context keeps them, and no socket by them.
Loop::~Loop() {
  door_->shut();
  process::ForkPause pause;
  for (const int descriptor : descriptors_of(context_)) pause.take_back(descriptor);
}

Connection* Loop::adopt(tcp::socket socket, std::string remote) {
  auto connection = std::make_shared<StreamConnection>(*this, std::move(socket), std::move(remote));
  StreamConnection* key = connection.get();
  connections_.emplace(key, std::move(connection));
  return key;
}

void Loop::release(StreamConnection* connection) { connections_.erase(connection); }

void Loop::add_ready(std::shared_ptr<StreamConnection> connection) {
  ready_.push_back(std::move(connection));
  if (!in_turn_) post_serving();
}

// Only what is ready now: connections that wake each other must leave room for the others.
void Loop::serve_ready() {
  for (size_t left = ready_.size(); left > 0; --left) {
    const std::shared_ptr<StreamConnection> connection = std::move(ready_.front());
    ready_.pop_front();
    connection->serve();
  }
}

void Loop::at_end_of_turn(std::function<void()> late) {
  late_.push_back(std::move(late));
  if (!in_turn_) post_serving();
}

void Loop::do_late() {
  if (late_.empty()) return;
  for (const auto& late : std::exchange(late_, {})) late();
}

void Loop::add_bulk(std::shared_ptr<StreamConnection> connection) {
  bulk_.push_back(std::move(connection));
}

// Others may be added meanwhile, at the end.
void Loop::read_bulk() {
  if (sent_since_reading_ < kSentBetweenReading) return;
  sent_since_reading_ = 0;
  for (size_t i = 0; i < bulk_.size();) {
    const std::shared_ptr<StreamConnection> connection = bulk_[i];
    if (connection->read_what_came()) {
      ++i;
    } else {
      bulk_[i] = std::move(bulk_.back());
      bulk_.pop_back();
    }
  }
}

void Loop::end_turn() {
  in_turn_ = false;
  if (!ready_.empty() || !late_.empty()) post_serving();
}

void Loop::post_serving() {
  if (serving_posted_) return;
  serving_posted_ = true;
  asio::post(context_, [this] {
    serving_posted_ = false;
    turn([] {});
  });
}

}  // namespace atoll_core::transport
