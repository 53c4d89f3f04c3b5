// A network namespace with one TUN device whose other end this process holds. The kernel removes
// both when the last process in the namespace has ended and the node is destroyed.
#pragma once

#include <cstdint>
#include <string>

namespace atoll_cli {

struct NodeSettings {
  unsigned node = 0;
  unsigned mtu = 1500;
  std::string congestion;  // empty: the kernel's default
  bool ipv6 = true;
};

class Node {
 public:
  // The calling thread is back in its own namespace afterwards. Throws std::runtime_error with a
  // sentence for the user when the system does not allow it.
  explicit Node(const NodeSettings& settings);
  ~Node();
  Node(Node&& other) noexcept;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  Node& operator=(Node&&) = delete;

  int tun() const { return tun_; }
  int name_space() const { return namespace_; }  // for setns
  std::string name_space_link() const;           // "net:[4026532201]", as /proc/PID/ns/net has it
  // Packets that the kernel dropped before the emulator could read them; -1 when it does not say.
  int64_t unread_drops() const;

 private:
  int namespace_ = -1;
  int tun_ = -1;
};

// Whether nodes can have IPv6 addresses.
bool kernel_has_ipv6();
// Names that the kernel offers at once, with spaces between.
std::string available_congestion_controls();

}  // namespace atoll_cli
