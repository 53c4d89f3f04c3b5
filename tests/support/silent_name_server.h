// A resolver whose name server does not answer until the test says so.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "names/name_lookups.h"

namespace atoll_test {

class SilentNameServer {
 public:
  static constexpr std::chrono::seconds kPatience{30};

  // What it is asked waits in it, on threads of the lookups, which may outlive this object.
  atoll_core::names::NameLookups::Resolve resolve() const {
    return [shared = shared_](const std::string& name) { return shared->wait(name); };
  }
  // Those who wait, and all who ask later, are told this.
  void answer(const std::string& address) {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->answer = address;
    shared_->changed.notify_all();
  }
  // Until so many have asked; false: in vain.
  bool wait_for_questions(size_t count) const {
    std::unique_lock<std::mutex> lock(shared_->mutex);
    return shared_->changed.wait_for(lock, kPatience,
                                     [&] { return shared_->questions.size() >= count; });
  }
  // Until so many have had their answer.
  bool wait_for_answers(size_t count) const {
    std::unique_lock<std::mutex> lock(shared_->mutex);
    return shared_->changed.wait_for(lock, kPatience,
                                     [&] { return shared_->answers >= count; });
  }
  std::vector<std::string> questions() const {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    return shared_->questions;
  }

  static std::string text(const sockaddr_storage& address) {
    char text[INET_ADDRSTRLEN] = {};
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text,
                sizeof(text));
    return text;
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> questions;
    std::string answer;
    size_t answers = 0;

    atoll_core::names::Found wait(const std::string& name) {
      std::unique_lock<std::mutex> lock(mutex);
      questions.push_back(name);
      changed.notify_all();
      changed.wait(lock, [&] { return !answer.empty(); });
      ++answers;
      changed.notify_all();
      atoll_core::names::Found found;
      auto& address = reinterpret_cast<sockaddr_in&>(found.addresses.emplace_back());
      address.sin_family = AF_INET;
      ::inet_pton(AF_INET, answer.c_str(), &address.sin_addr);
      return found;
    }
  };

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace atoll_test
