// Nothing of a lab outlives it: a process of its own ends whatever still runs in the lab's
// namespaces when the lab is gone, however it went.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tools/atoll/wanlab/node.h"

namespace atoll_cli {

class Guard {
 public:
  // Forks: to be made before the process has threads. Throws std::runtime_error.
  explicit Guard(const std::vector<Node>& nodes);
  // The lab ends in order and needs no guard any more.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  pid_t pid_ = -1;
  int lifeline_ = -1;
};

// Ends (SIGKILL) every process in one of these namespaces, named as by Node::name_space_link().
void end_processes_in(const std::vector<std::string>& name_spaces);

}  // namespace atoll_cli
