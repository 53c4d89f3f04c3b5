#include "names/name_lookups.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>

#include "process/origin.h"
#include "process/thread.h"

namespace atoll_core::names {
namespace {

Found ask_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (status != 0) return {{}, ::gai_strerror(status)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  Found found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    const bool known = entry->ai_family == AF_INET || entry->ai_family == AF_INET6;
    if (!known || entry->ai_addrlen > sizeof(sockaddr_storage)) continue;
    std::memcpy(&found.addresses.emplace_back(), entry->ai_addr, entry->ai_addrlen);
  }
  if (found.addresses.empty()) found.problem = "the resolver knows no address";
  return found;
}

// For a caller that blocks.
struct Answer {
  std::mutex mutex;
  std::condition_variable come;
  std::optional<Found> found;
};

}  // namespace

struct NameLookups::Shared {
  using Asking = std::vector<std::weak_ptr<const Heard>>;

  std::mutex mutex;
  Resolve resolve;
  std::map<std::string, Asking> asked;  // looked up now, or in `queue`
  std::deque<std::string> queue;        // not begun
  size_t threads = 0;

  static bool has_gone(const std::weak_ptr<const Heard>& ticket) { return ticket.expired(); }

  // The next name that somebody still waits for.
  std::optional<std::string> take() {
    while (!queue.empty()) {
      std::string name = std::move(queue.front());
      queue.pop_front();
      const Asking& asking = asked[name];
      if (!std::all_of(asking.begin(), asking.end(), has_gone)) return name;
      asked.erase(name);
    }
    return std::nullopt;
  }

  void tell(const std::string& name, const Found& found, std::unique_lock<std::mutex>& lock) {
    const Asking asking = std::move(asked[name]);
    asked.erase(name);
    lock.unlock();
    for (const std::weak_ptr<const Heard>& ticket : asking) {
      if (const Ticket heard = ticket.lock()) (*heard)(found);
    }
    lock.lock();
  }
};

NameLookups& NameLookups::of_system() {
  // Never destroyed: when the process ends some thread may still be at work. A forked child has
  // none of these threads, and perhaps a mutex that one of them held.
  struct OfSystem {
    NameLookups lookups{ask_system};
  };
  static process::OnePerProcess<OfSystem> of_system;
  return of_system.get().lookups;
}

NameLookups::NameLookups(Resolve resolve) : shared_(std::make_shared<Shared>()) {
  shared_->resolve = std::move(resolve);
}

void NameLookups::work(Shared& shared) {
  std::unique_lock<std::mutex> lock(shared.mutex);
  while (const std::optional<std::string> name = shared.take()) {
    lock.unlock();
    Found found;
    try {
      found = shared.resolve(*name);
    } catch (const std::exception& exception) {
      found.problem = exception.what();
    }
    lock.lock();
    shared.tell(*name, found, lock);
  }
  --shared.threads;
}

NameLookups::Ticket NameLookups::start(const std::string& name, Heard heard) {
  auto ticket = std::make_shared<const Heard>(std::move(heard));
  std::unique_lock<std::mutex> lock(shared_->mutex);
  const auto [place, is_new] = shared_->asked.try_emplace(name);
  Shared::Asking& asking = place->second;
  asking.erase(std::remove_if(asking.begin(), asking.end(), Shared::has_gone), asking.end());
  asking.push_back(ticket);
  if (!is_new) return ticket;
  shared_->queue.push_back(name);
  if (shared_->threads >= kThreads) return ticket;
  ++shared_->threads;
  auto thread = process::start_thread("atoll-names", [shared = shared_] { work(*shared); });
  if (thread) {
    thread->detach();
    return ticket;
  }
  // Those that run already, if any, come to it in time.
  if (--shared_->threads > 0) return ticket;
  while (const std::optional<std::string> waiting = shared_->take()) {
    shared_->tell(*waiting, {{}, thread.error().message}, lock);
  }
  return ticket;
}

Found NameLookups::wait(const std::string& name, Duration patience) {
  auto answer = std::make_shared<Answer>();
  const Ticket ticket = start(name, [answer](const Found& found) {
    const std::lock_guard<std::mutex> lock(answer->mutex);
    answer->found = found;
    answer->come.notify_all();
  });
  std::unique_lock<std::mutex> lock(answer->mutex);
  answer->come.wait_for(lock, patience, [&] { return answer->found.has_value(); });
  if (answer->found) return *answer->found;
  return {{}, fmt::format("no name server has answered for {} ms", to_ms(patience))};
}

}  // namespace atoll_core::names
