#include "membership/coordinator/roster.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace atoll_core::membership {

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::kPending: return "pending";
    case Standing::kMember: return "member";
    case Standing::kSuspect: return "suspect";
  }
  return "?";
}

PeerRecord& Roster::add(PeerRecord record) {
  const PeerId peer = record.info.id;
  const bool fresh = sessions_.emplace(record.info.session, peer).second &&
                     connections_.emplace(record.connection, peer).second;
  const auto [place, inserted] = records_.emplace(peer, std::move(record));
  ATOLL_ASSERT(fresh && inserted, "peer {} is registered twice", to_string(peer));
  share_sessions();
  return place->second;
}

void Roster::erase(PeerId peer) {
  const auto found = records_.find(peer);
  ATOLL_ASSERT(found != records_.end(), "peer {} is not registered", to_string(peer));
  sessions_.erase(found->second.info.session);
  if (found->second.connected()) connections_.erase(found->second.connection);
  records_.erase(found);
  share_sessions();
}

void Roster::share_sessions() {
  if (records_.empty()) return;
  const size_t each = std::clamp(limits::kSessionBytesInAll / records_.size(),
                                 limits::kSessionBytesLeast, limits::kSessionBytes);
  for (auto& [peer, record] : records_) record.session.set_bytes_max(each);
}

void Roster::mark_member(PeerId peer) {
  PeerRecord* record = find(peer);
  ATOLL_ASSERT(record != nullptr && record->standing == Standing::kPending,
               "peer {} is not pending", to_string(peer));
  record->standing = Standing::kMember;
  record->gap = true;
  record->follows.reset();
}

void Roster::mark_suspect(PeerId peer, TimePoint now, std::string reason) {
  PeerRecord* record = find(peer);
  ATOLL_ASSERT(record != nullptr && record->standing == Standing::kMember,
               "peer {} is not a connected member", to_string(peer));
  connections_.erase(record->connection);
  record->standing = Standing::kSuspect;
  record->connection = {};
  record->suspect_since = now;
  record->suspect_reason = std::move(reason);
}

void Roster::reattach(PeerId peer, ConnectionId connection, std::string remote, TimePoint now) {
  PeerRecord* record = find(peer);
  ATOLL_ASSERT(record != nullptr && record->in_view(), "peer {} is not a member",
               to_string(peer));
  if (record->connected()) connections_.erase(record->connection);
  const bool fresh = connections_.emplace(connection, peer).second;
  ATOLL_ASSERT(fresh, "connection {} has a peer already", connection.value);
  record->standing = Standing::kMember;
  record->connection = connection;
  record->remote = std::move(remote);
  record->last_heard = now;
  if (record->told_waits) record->told_waits->clear();  // that may not have come
}

void Roster::attach(PeerId peer, ConnectionId connection, std::string remote, TimePoint now) {
  reattach(peer, connection, std::move(remote), now);
  PeerRecord* record = find(peer);
  record->session.begin();
  record->view_unknown = true;
  record->heartbeat_heard = 0;
}

PeerRecord* Roster::find(PeerId peer) {
  const auto found = records_.find(peer);
  return found == records_.end() ? nullptr : &found->second;
}

const PeerRecord* Roster::find(PeerId peer) const {
  const auto found = records_.find(peer);
  return found == records_.end() ? nullptr : &found->second;
}

const PeerRecord* Roster::find(SessionId session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : find(found->second);
}

PeerRecord* Roster::find(SessionId session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : find(found->second);
}

PeerRecord* Roster::find(ConnectionId connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? nullptr : find(found->second);
}

PeerRecord* Roster::holder(const std::string& replica, uint32_t shard, TimePoint now,
                           Duration peer_timeout) {
  for (auto& [peer, record] : records_) {
    const bool here = record.info.replica == replica && record.info.shard == shard;
    const bool dead = record.silent_since(peer_timeout) + peer_timeout <= now;
    if (here && record.connected() && !dead) return &record;
  }
  return nullptr;
}

size_t Roster::members_here() const {
  return static_cast<size_t>(
      std::count_if(records_.begin(), records_.end(), [](const auto& entry) {
        return entry.second.standing == Standing::kMember;
      }));
}

void Departures::add(SessionId session, std::string reason) {
  if (reasons_.insert_or_assign(session, std::move(reason)).second) order_.push_back(session);
  if (order_.size() <= kDeparturesKept) return;
  reasons_.erase(order_.front());
  order_.pop_front();
}

const std::string* Departures::find(SessionId session) const {
  const auto found = reasons_.find(session);
  return found == reasons_.end() ? nullptr : &found->second;
}

}  // namespace atoll_core::membership
