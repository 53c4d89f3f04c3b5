// At which addresses which session has answered a dial from here.
//
// Where a session has answered, its process listens; when that address refuses later, or somebody
// else answers there, the process is gone. A refusal from an address where it never answered tells
// nothing of it: the peer may sit behind a translator that forwards no port, or a firewall may
// refuse in its name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"

namespace atoll_core::engine {

class AnsweredEndpoints {
 public:
  static constexpr size_t kPerSession = limits::kAnsweredPerSession;

  void note(SessionId session, const std::string& address) {
    std::set<std::string>& known = addresses_[session];
    if (known.size() < kPerSession) known.insert(address);
  }
  bool any(SessionId session) const { return addresses_.count(session) != 0; }
  // Whether these refusals tell that the process is gone.
  bool proves_death(SessionId session, const std::vector<std::string>& refused) const;
  void keep_only(const std::set<SessionId>& sessions) {
    std::erase_if(addresses_, [&](const auto& entry) { return sessions.count(entry.first) == 0; });
  }

 private:
  std::map<SessionId, std::set<std::string>> addresses_;
};

inline bool AnsweredEndpoints::proves_death(SessionId session,
                                            const std::vector<std::string>& refused) const {
  const auto known = addresses_.find(session);
  if (known == addresses_.end()) return false;
  for (const std::string& address : refused) {
    if (known->second.count(address) != 0) return true;
  }
  return false;
}

}  // namespace atoll_core::engine
