// Every length, count and queue that a remote party can influence has its bound here, and nowhere
// else: tests/tidy/limits_test.py finds numbers that stand in other places, and asks for a test of
// each bound.
#pragma once

#include <cstddef>
#include <cstdint>

namespace atoll_core::limits {

// Control plane: messages and their fields.
inline constexpr size_t kControlMessageBytes = 16u << 20;
inline constexpr size_t kPeers = 4096;           // members and pending peers of one run
inline constexpr size_t kShardsPerReplica = 1024;
inline constexpr uint32_t kCpus = 1u << 16;  // of a computer
inline constexpr size_t kEndpointsPerPeer = 16;
inline constexpr size_t kNameBytes = 128;        // peer and replica names, run ids
inline constexpr size_t kHostBytes = 255;
inline constexpr size_t kSentenceBytes = 2048;   // reasons and error sentences
inline constexpr size_t kOpsPerReport = 65536;   // open ops in a settle report
// Pairs of group and tag in calls of one generation: an update that finds more than the first
// number begins a new generation; the call that would be one more than the second is refused.
inline constexpr size_t kNamesPerGeneration = 16384;
inline constexpr size_t kCallPositions = 65536;
// In which one peer calls: one for each of the others and each direction, and those of all.
inline constexpr size_t kPositionGroups = 2 * kPeers + 4;
inline constexpr size_t kCoordinators = 16;      // addresses that a peer is given
inline constexpr size_t kWaitsPerStatus = 64;    // sentences
inline constexpr size_t kWaitsPerUpdate = 16;    // sentences
inline constexpr size_t kHeldRevisions = 64;     // tags of which a peer says what it holds
inline constexpr size_t kGenerations = 256;      // in which calls may be open
inline constexpr size_t kRejoinMembers = 4 * kPeers;  // of all generations that are told of
inline constexpr size_t kWatermarks = 65536;     // in one message
inline constexpr size_t kTensorsPerState = 65536;
inline constexpr size_t kOpsPerStatus = 256;     // open ops that a status tells of
inline constexpr size_t kPeersPerOpStatus = 64;  // of one op: done, or awaited
inline constexpr size_t kEventsPerStatus = 64;
// Parts of a message, that is, messages inside of it. The largest legal one, a full settle report,
// has six for each op.
inline constexpr size_t kPartsPerMessage = 8 * kOpsPerReport;
inline constexpr int kPartDepth = 8;
// So many elements of any type can be counted in bytes without overflow.
inline constexpr uint64_t kElements = 1ull << 56;
inline constexpr uint64_t kRoundMilliseconds = 24 * 3600 * 1000;  // that a round may take
// Years of waiting mean for ever; more would overflow nanoseconds.
inline constexpr uint64_t kMilliseconds = 100ull * 365 * 24 * 3600 * 1000;
// Longer round trips, and rates above a terabyte a second, are nobody's.
inline constexpr uint64_t kRoundTripMicroseconds = 120'000'000;
inline constexpr uint64_t kBytesPerSecond = 1'000'000'000'000;
// More than any run has; so that counting on from what a peer tells does not wrap.
inline constexpr uint32_t kIncarnations = 1u << 30;
// A coordinator without a memory of its own may be so much behind the run that it takes up.
inline constexpr uint32_t kIncarnationsAhead = 1u << 20;
inline constexpr uint64_t kCounts = uint64_t{1} << 48;  // of views, updates, syncs
// Of a plan.
inline constexpr uint64_t kPlanShares = 1u << 16;  // all together
inline constexpr size_t kPlanChoices = 64;
inline constexpr uint32_t kSegmentsInFlight = 4096;

// Control plane: what a coordinator keeps.
inline constexpr size_t kControlConnections = 2 * kPeers;
inline constexpr size_t kTurnedAway = 64;  // connections above that, until they have read why
inline constexpr size_t kControlQueueBytes = 64u << 20;  // waiting to be sent to one peer
inline constexpr size_t kControlQueueBytesInAll = 256u << 20;  // to peers that do not read
inline constexpr size_t kSessionMessages = 4096;  // kept for the other end, each
inline constexpr size_t kSessionBytes = 1u << 20;  // of them, roughly; a peer keeps so much, too
inline constexpr size_t kSessionBytesInAll = 256u << 20;  // sessions share it out, down to
inline constexpr size_t kSessionBytesLeast = 64u << 10;
inline constexpr size_t kSnapshotBytes = 64u << 20;  // on disk
inline constexpr size_t kOpenOps = 1u << 20;
inline constexpr size_t kOpenSyncs = 4096;
inline constexpr size_t kVerdictsKept = 262144;        // until all have heard them
inline constexpr size_t kVerdictBytesPerRound = 8u << 20;  // in the message that ends it
inline constexpr size_t kDeparturesKept = 1024;        // sessions that were dropped, and why
inline constexpr size_t kStatesKept = 1024;            // of which the last revision is known
inline constexpr size_t kPublishedTags = 64;           // whose state pending peers may fetch
inline constexpr size_t kFailedLinks = 16'384;
inline constexpr size_t kFailedLinkReasonBytes = 256;
inline constexpr size_t kReadmissions = 1024;          // replicas of which losses are counted
inline constexpr size_t kDrivenInstances = 64;         // in one life
inline constexpr size_t kMeasuredMembers = 128;        // for whom plans are made of measurements

// Data plane.
inline constexpr size_t kChunkBytes = 4u << 20;          // payload of one data frame
// What senders may send before the receiver has posted the call: of one attempt, over one link, and
// over all links of the receiver, which share it out (link/eager_credit.h). Each link has the
// least, which is the whole of a call that posts late and the cost of its chunk.
inline constexpr size_t kEagerBytesPerAttempt = 1u << 20;
inline constexpr size_t kEagerBytesPerLink = 8u << 20;
inline constexpr size_t kEagerBytesLeast = 68u << 10;
inline constexpr size_t kEagerBytesInAll = 128u << 20;
inline constexpr size_t kEagerChunkCost = 256;      // of a chunk that is kept, beside its payload
inline constexpr uint64_t kFramesAhead = 1u << 20;  // of one that is missing
inline constexpr size_t kReadAheadBytes = 64u << 10;  // of a frame without a place of its own
inline constexpr size_t kConnectionsPerLink = 64;
inline constexpr size_t kHalfOpenConnections = 128;  // accepted, and without a hello yet
inline constexpr size_t kOrphanConnections = 256;    // of peers that the roster does not name yet
inline constexpr size_t kAddressesPerName = 8;       // that are dialled
inline constexpr size_t kAnsweredPerSession = 16;    // addresses at which a peer has answered
inline constexpr size_t kTensorsPerBatch = 65536;
inline constexpr uint64_t kCallBytes = 1ull << 44;  // segments of 4 KiB are counted in 32 bits
inline constexpr double kWeight = 0x1p50;           // of one peer in an average
inline constexpr size_t kOpsInFlight = 4096;        // calls of one peer; bounds a settle round, too
inline constexpr size_t kNoticesPerSender = kOpsInFlight;  // calls of its that we have not made
// Calls that have ended here, and perhaps not elsewhere; those of them that were aborted. Beyond it
// no new ones are begun.
inline constexpr size_t kCallsKept = 24576;
inline constexpr size_t kAbortsKept = 8192;
// Names of which a peer has told that calls have ended, which have not ended on all. Those in
// flight may end, too.
inline constexpr size_t kMarksPerPeer = kCallsKept + kOpsInFlight;
// Aborts of calls that we have not made. As many as others can make and have aborted without us.
inline constexpr size_t kEarlyVerdicts = kAbortsKept + 2 * kOpsInFlight;
// Answers that wait to be sent, to one peer and to all: chunks of a state, and results.
inline constexpr uint64_t kServedFrames = 4096;
inline constexpr size_t kServedBytesInAll = 64u << 20;  // that are no part of the caller's memory
inline constexpr uint32_t kChunksPerRequest = 64;

// Calls of so few bytes tell others that they were posted only when they last. Until then their
// data takes from the eager credit.
inline constexpr size_t kLatePostBytes = 64u << 10;

// Small ops: a peer returns from them on local completion and keeps the result until it is known
// that all members have it. When it keeps so much, calls wait.
inline constexpr size_t kSmallOpBytes = 1u << 20;
// The same where participants get different parts, all of which travel to all when it is small.
inline constexpr size_t kSmallPartsBytes = 64u << 10;
inline constexpr size_t kResultsKept = 16384;
inline constexpr size_t kResultBytesKept = 64u << 20;
inline constexpr size_t kReportBytesKept = 8u << 20;  // of a settle report about all that is kept
inline constexpr size_t kReportBytes = 14u << 20;     // of one with all that is open, too

}  // namespace atoll_core::limits
