// Every length, count and queue that a remote party can influence has its bound here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace atoll_core::limits {

// Control plane.
inline constexpr size_t kControlMessageBytes = 16u << 20;
inline constexpr size_t kPeers = 4096;           // members and pending peers of one run
inline constexpr size_t kShardsPerReplica = 1024;
inline constexpr uint32_t kCpus = 1u << 16;  // of a computer
inline constexpr size_t kEndpointsPerPeer = 16;
inline constexpr size_t kNameBytes = 128;        // peer and replica names, run ids
inline constexpr size_t kHostBytes = 255;
inline constexpr size_t kSentenceBytes = 2048;   // reasons and error sentences
inline constexpr size_t kOpsPerReport = 65536;   // open ops in a settle report
inline constexpr size_t kCallPositions = 65536;  // (group, tag) pairs in an update request
inline constexpr size_t kCoordinators = 16;      // addresses that a peer is given
inline constexpr size_t kWaitsPerStatus = 64;    // sentences
inline constexpr size_t kWaitsPerUpdate = 16;    // sentences
inline constexpr size_t kHeldRevisions = 64;     // tags of which a peer says what it holds
inline constexpr size_t kGenerations = 256;      // in which calls may be open
inline constexpr size_t kWatermarks = 65536;     // in one message
inline constexpr size_t kTensorsPerState = 65536;
inline constexpr size_t kOpsPerStatus = 256;     // open ops that a status tells of
inline constexpr size_t kPeersPerOpStatus = 64;  // of one op: done, or awaited
inline constexpr size_t kEventsPerStatus = 64;
inline constexpr size_t kControlConnections = 2 * kPeers;   // of one coordinator
inline constexpr size_t kControlQueueBytes = 64u << 20;     // waiting to be sent to one peer
inline constexpr size_t kSessionMessages = 4096;            // kept for the other end, each
inline constexpr size_t kSessionBytes = 1u << 20;           // of them, roughly
inline constexpr size_t kSnapshotBytes = 64u << 20;         // what a coordinator keeps on disk

// Data plane.
inline constexpr size_t kChunkBytes = 4u << 20;          // payload of one data frame
inline constexpr size_t kEagerBytesPerAttempt = 1u << 20;  // sent before the receiver has posted
inline constexpr size_t kEagerBytesPerLink = 8u << 20;
inline constexpr size_t kConnectionsPerLink = 64;
inline constexpr size_t kTensorsPerBatch = 65536;
inline constexpr double kWeight = 0x1p50;           // of one peer in an average
inline constexpr size_t kOpsInFlight = 4096;        // calls of one peer; bounds a settle round, too

// Calls of so few bytes tell others that they were posted only when they last. Until then their
// data takes from kEagerBytesPerLink.
inline constexpr size_t kLatePostBytes = 64u << 10;

// Small ops: a peer returns from them on local completion and keeps the result until it is known
// that all members have it. When it keeps so much, calls wait.
inline constexpr size_t kSmallOpBytes = 1u << 20;
// The same where participants get different parts, all of which travel to all when it is small.
inline constexpr size_t kSmallPartsBytes = 64u << 10;
inline constexpr size_t kResultsKept = 16384;
inline constexpr size_t kResultBytesKept = 64u << 20;
inline constexpr size_t kReportBytesKept = 8u << 20;  // of a settle report about all that is kept

}  // namespace atoll_core::limits
