// What is set on the sockets of both planes, on both ends: after so long without a sign of the
// other side the kernel gives a TCP connection up. The machines find silence sooner; this is for
// what they do not watch, and far above the time for which a process may stand still.
#pragma once

namespace atoll_core {

inline constexpr int kTcpSilenceSeconds = 20;  // bytes are not acknowledged, or a window stays shut
// Of an idle connection.
inline constexpr int kTcpKeepaliveIdleSeconds = 8;
inline constexpr int kTcpKeepaliveIntervalSeconds = 4;
inline constexpr int kTcpKeepaliveProbes = 3;
static_assert(kTcpKeepaliveIdleSeconds + kTcpKeepaliveProbes * kTcpKeepaliveIntervalSeconds ==
              kTcpSilenceSeconds);

}  // namespace atoll_core
