// Two processes ask for the same place in the run. Most often the first is the former life of the
// second: its host has lost power or it is frozen, nobody has told, and its connection stands. So
// its having registered proves nothing; only an answer to what was sent to it since does.
#include "membership/common/sentence.h"
#include "membership/coordinator/parts.h"

namespace atoll_core::membership {

void CoordinatorMachine::Parts::refuse_place(TimePoint now, ConnectionId connection,
                                             const wire::PeerInfo& newcomer, PeerRecord& holder) {
  auto& doubt = holder.doubt;
  // Who was in doubt long ago may have frozen since.
  const bool is_new = !doubt || now - doubt->asked > config.peer_timeout;
  if (is_new) doubt = PeerRecord::Doubt{counters.heartbeats, now};
  doubt->asked = now;
  const std::string place = fmt::format("shard {} of replica {} is {} at {}", newcomer.shard,
                                        newcomer.replica, display_name(holder.info),
                                        holder.remote);
  if (holder.heartbeat_heard > doubt->heartbeat) {
    doubt.reset();
    return refuse(connection, {ErrorCode::kDuplicatePeer, place + " already"});
  }
  const std::string why =
      fmt::format("{}, last heard {} ms ago: whether that one still lives is not known yet", place,
                  to_ms(now - holder.last_heard));
  // The newcomer comes again every few hundred milliseconds; one event says it.
  if (is_new) {
    out.event(fmt::format("{} asks for a place that is taken: {}", display_name(newcomer), why));
  }
  out.send(connection, wire::Refused{ErrorCode::kDuplicatePeer, bounded(why), true});
  out.close(connection, why);
  people.visitors.erase(connection);
}

}  // namespace atoll_core::membership
