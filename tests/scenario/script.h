// Golden scenarios: a script of commands to a world of real machines, and the full trace of what
// they did, in one text file, to be reviewed as a diff.
//
// A file is a list of blocks. A block is lines of commands, a line "----", and the lines of the
// trace, up to the next blank line. Lines that begin with '#' are comments. After each command all
// messages are delivered, but those to or from a peer on hold.
//
//   coordinator key=value…        min_replicas (first line, optional)
//   connect PEER key=value…       replica shard shards version run; the dial succeeds
//   link PEER PEER | link all     both report that the link stands
//   unlink PEER PEER STATE        the first reports refused or unreachable
//   update PEER TAG:SEQ…          atollUpdate, with call positions
//   cancel-update PEER
//   begin PEER OP key=value…      OP is TAG#SEQ; count retry root type
//   done PEER OP                  locally complete
//   wait PEER OP PEER…            tells who has not come
//   abort PEER OP CODE REASON…    CODE is cancelled, timeout or mismatch
//   sync PEER OP key=value…       revision digest strategy table
//   synced PEER OP                holds the elected content
//   by-hand PEER | report PEER    settle reports wait for "report"
//   probe PEER PEER OUTCOME       the first found the second alive, dead or silent
//   hold PEER | release PEER      keeps what the coordinator sends to it; delivers it
//   drop PEER                     the control connection breaks; what was on hold is lost
//   dial PEER yes|no              answers a dial
//   kill PEER                     the process is gone
//   freeze PEER                   the process stands still for good, and its connection stays
//   mute PEER                     nothing arrives from it any more, nor at it
//   leave PEER REASON…
//   garbage PEER                  its bytes are no message
//   visitor NAME MESSAGE          a connection that sends heartbeat, or nothing, first
//   tick MS                       time passes
//   status
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/scenario_world.h"

namespace atoll_core::scenario {

class Script {
 public:
  // Runs all blocks; the same text with the traces that were made.
  static std::string run(const std::string& text);

 private:
  using Words = std::vector<std::string>;
  using Handler = void (Script::*)(const Words&);
  static const std::map<std::string, Handler>& handlers();

  void command(const std::string& line);
  void deliver();
  ScenarioPeer& peer(const std::string& name);
  OpId op_of(const std::string& peer, const std::string& text);

  void coordinator(const Words& words);
  void restart(const Words& words);
  void connect(const Words& words);
  void link(const Words& words);
  void unlink(const Words& words);
  void update(const Words& words);
  void cancel_update(const Words& words);
  void begin(const Words& words);
  void done(const Words& words);
  void wait(const Words& words);
  void abort(const Words& words);
  void sync(const Words& words);
  void synced(const Words& words);
  void by_hand(const Words& words);
  void report(const Words& words);
  void probe(const Words& words);
  void hold(const Words& words);
  void release(const Words& words);
  void drop(const Words& words);
  void dial(const Words& words);
  void kill(const Words& words);
  void freeze(const Words& words);
  void mute(const Words& words);
  void leave(const Words& words);
  void garbage(const Words& words);
  void visitor(const Words& words);
  void tick(const Words& words);
  void status(const Words& words);

  ScenarioWorld& world();

  std::unique_ptr<ScenarioWorld> world_;
  uint32_t min_replicas_ = 1;
  uint64_t sessions_ = 0;
  std::set<std::string> held_;
  std::vector<std::string> trace_;
};

}  // namespace atoll_core::scenario
