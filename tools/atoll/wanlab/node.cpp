#include "tools/atoll/wanlab/node.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tools/atoll/wanlab/netlink.h"
#include "tools/atoll/wanlab/packet.h"

namespace atoll_cli {
namespace {

constexpr const char* kDevice = "/dev/net/tun";
constexpr const char* kInterface = "wan0";
constexpr unsigned kIpv4PrefixBits = 24;
constexpr unsigned kIpv6PrefixBits = 120;
// The emulator's own queues decide what is dropped; the device's is to hold any burst.
constexpr unsigned kDeviceQueuePackets = 10'000;

[[noreturn]] void fail(const std::string& what) {
  const int error = errno;
  std::string sentence = "cannot " + what + ": " + std::strerror(error);
  if (error == EPERM || error == EACCES) {
    sentence += "; it takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN)";
  }
  throw std::runtime_error(sentence);
}

int own_namespace() {
  const int file = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("open the network namespace of this process");
  return file;
}

// In another network namespace as long as it lives.
class Visit {
 public:
  Visit() : home_(own_namespace()) {}
  ~Visit() {
    ::setns(home_, CLONE_NEWNET);
    ::close(home_);
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  int home_;
};

int open_tun() {
  const int file = ::open(kDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
      fail(std::string("open ") + kDevice +
           " (the kernel needs TUN, as by `modprobe tun`; a container needs the device)");
    }
    fail(std::string("open ") + kDevice);
  }
  return file;
}

void make_tun(int file) {
  ifreq request{};
  std::strncpy(request.ifr_name, kInterface, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(file, TUNSETIFF, &request) != 0) fail("make a TUN device");
  // The kernel leaves checksums and the cutting of TCP's super-packets to us, and we to the
  // receiver, so that both cost nothing.
  if (::ioctl(file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) {
    fail("have a TUN device hand over super-packets");
  }
}

// What /proc shows, too; the route decides in any case, and here writing may not be allowed.
void set_default_congestion(const std::string& name) {
  std::ofstream("/proc/sys/net/ipv4/tcp_congestion_control") << name << std::flush;
}

void configure(const NodeSettings& settings) {
  Netlink netlink;
  netlink.set_up(static_cast<int>(::if_nametoindex("lo")));
  const auto interface = static_cast<int>(::if_nametoindex(kInterface));
  netlink.set_up(interface, settings.mtu, kDeviceQueuePackets);
  const std::string v4 = ipv4_of(settings.node);
  netlink.add_address(interface, v4, kIpv4PrefixBits);
  netlink.add_route(interface, v4, kIpv4PrefixBits, settings.congestion);
  if (settings.ipv6) {
    const std::string v6 = ipv6_of(settings.node);
    netlink.add_address(interface, v6, kIpv6PrefixBits);
    netlink.add_route(interface, v6, kIpv6PrefixBits, settings.congestion);
  }
  if (!settings.congestion.empty()) set_default_congestion(settings.congestion);
}

}  // namespace

Node::Node(const NodeSettings& settings) {
  const Visit visit;
  if (::unshare(CLONE_NEWNET) != 0) fail("make a network namespace");
  try {
    tun_ = open_tun();
    namespace_ = own_namespace();
    make_tun(tun_);
    configure(settings);
  } catch (...) {
    ::close(tun_);
    ::close(namespace_);
    throw;
  }
}

Node::Node(Node&& other) noexcept
    : namespace_(std::exchange(other.namespace_, -1)), tun_(std::exchange(other.tun_, -1)) {}

Node::~Node() {
  if (tun_ >= 0) ::close(tun_);
  if (namespace_ >= 0) ::close(namespace_);
}

std::string Node::name_space_link() const {
  char link[64] = {};
  const std::string path = "/proc/self/fd/" + std::to_string(namespace_);
  const ssize_t count = ::readlink(path.c_str(), link, sizeof link - 1);
  return count < 0 ? std::string() : std::string(link, static_cast<size_t>(count));
}

int64_t Node::unread_drops() const {
  const Visit visit;
  if (::setns(namespace_, CLONE_NEWNET) != 0) return -1;
  std::ifstream file("/proc/thread-self/net/dev");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.find(kInterface) > colon) continue;
    std::istringstream numbers(line.substr(colon + 1));
    int64_t value = -1;
    constexpr int kTransmitDrops = 12;  // eight columns of what was received come first
    for (int column = 0; column < kTransmitDrops; ++column) numbers >> value;
    return numbers ? value : -1;
  }
  return -1;
}

bool kernel_has_ipv6() { return ::access("/proc/net/if_inet6", F_OK) == 0; }

std::string available_congestion_controls() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_available_congestion_control");
  std::string names;
  std::getline(file, names);
  return names;
}

}  // namespace atoll_cli
