/* Atoll: fault-tolerant collective communication over the public internet.
 *
 * This header is the manual. The simplest use comes first; docs/examples/c has whole programs.
 *
 *   A run is one training job: one coordinator (`atoll coordinator`) and peers that come and go.
 *   A peer is one communicator. The peers that are in at one time form a view. A view changes at
 *   atollUpdate, where those who wait are admitted, and whenever a peer dies.
 *
 *   atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
 *   atollComm_t comm;
 *   config.coordinator = "127.0.0.1:7700";
 *   atollCommCreate(&comm, &config);
 *   atollCommConnect(comm);
 *   for (;;) {
 *     atollUpdate(comm, NULL);                     // everybody meets; newcomers get in
 *     atollSyncState(comm, state, NULL, NULL);     // newcomers get the shared state
 *     ...                                          // train
 *     atollAllReduce(gradient, mean, count, atollFloat32, atollAvg, comm, NULL, NULL);
 *   }
 *
 * Rules for all functions
 *
 *   Order.    All members make the same sequence of collective calls (update, sync, all-reduce,
 *             barrier and so on) per group and tag, with the same arguments. A difference is an
 *             error, atollMismatch, that names the peers and the difference. So it is, after a
 *             second, when two members wait for each other in calls of one tag but of different
 *             groups (atollGroup_t): one meant all peers, say, the other its shard. Calls of
 *             several groups that come in another order on each peer have different tags.
 *   Outcome.  A collective call ends the same way on all members: with the same result, bit for
 *             bit, from the same contributors, or with an error, and then its input is as it was.
 *             When a peer dies the library retries with the survivors, unless told otherwise.
 *   Waiting.  No call waits for ever: see the timeouts in atollCommConfig_t.
 *   Threads.  Any thread may call any function. Calls on one communicator with different tags may
 *             run at the same time; the order of calls with one tag is the caller's to keep. A
 *             communicator is destroyed when no call on it is in progress. A thread that waits in
 *             a call may do the communicator's work meanwhile, also for other calls.
 *   Processes. A handle belongs to the process that made it.
 *             fork: before fork returns in a child, the library has closed there its copies of
 *             sockets, locks and whatever else it has open, which the parent does not notice. So a
 *             data loader that a trainer forks does not keep the trainer's port when that dies, nor
 *             its death from being known. In the child, a call on a handle that it inherited gives
 *             atollInvalidUsage; to destroy it is allowed and only forgets it: its memory stays,
 *             and in the parent it goes on working. The child may make handles of its own. Do not
 *             fork in a callback of the library, unless the child does nothing but exec or _exit;
 *             and not by the bare system call (clone, _Fork), which no library hears of.
 *             exec: what is executed inherits nothing, after fork, vfork and posix_spawn alike,
 *             because all that the library opens has close-on-exec. A process that executes
 *             another program itself has died for the others.
 *             exit: a process may end at any time, with calls in progress and nothing destroyed.
 *             For the others it has died; atollCommLeave spares them finding out. Destructors of
 *             static objects and handlers of atexit may still call the library. Not from a signal
 *             handler: there only _exit is allowed.
 *             dlclose: the library stays loaded, since its threads do. Two copies of it may be in
 *             one process (a plug-in's and the program's); handles belong to the copy that made
 *             them.
 *   Signals.  The library changes no handler, no disposition and no mask of the program; only
 *             atollInstallDumpSignal installs a handler. Its own threads, whose names begin with
 *             "atoll-", take no signals. A thread in a call takes them as always, and its handlers
 *             may take seconds: meanwhile the peer goes on telling the coordinator that it lives,
 *             but the calls of the communicator may stand still. Handlers must not call Atoll.
 *             Nothing that the library writes causes SIGPIPE in a thread of the program.
 *             pthread_cancel: a thread that is cancelled while it waits in a call cancels the call,
 *             as atollCancel does, and ends when that has ended and its buffers are free. Calls of
 *             other threads go on. Elsewhere in the library, and in atollCoordinatorRun, which
 *             atollCoordinatorStop ends, it is put off until the call returns.
 *   Standard error. Warnings and errors go there (ATOLL_LOG sets the level), or to the log
 *             callback. No call waits until somebody has read them: they are written by a thread
 *             of their own; when 1024 lines wait, or 256 KiB, further ones are left out, and one
 *             line says how many. Of lines that differ only in numbers 100 come at once and then
 *             one a second, unless the level is debug or trace. atollDumpState writes itself, and
 *             waits. Lines of the last moments before _exit or a crash may be missing.
 *   Descriptors. The library keeps none with the numbers 0, 1 and 2, also where these are closed:
 *             nothing that is printed gets into a connection. A communicator has 5, and one for
 *             each connection of a link: `connections` for each other peer of the run, or as many
 *             as the library chooses, 1 nearby and up to 32 on long ways. When the limit (ulimit
 *             -n) is too low for that it warns, with the number that it takes; where they run out,
 *             the sentence says which process lacks them. The same holds for threads, of which a
 *             communicator has one, its log callback another one, and each atollCommConnectAsync
 *             and atollOptimizeTopologyAsync one of its own until it ends.
 *   Memory.   Buffers belong to the caller. The library reads and writes them only between the
 *             start and the end of a call (for async calls: until atollWait or a successful
 *             atollTest), and a state's tensors as said there.
 *   Bounds.   Names of peers, replicas, runs and tensors have at most 128 bytes of UTF-8 without
 *             control characters. A call has at most 2^44 bytes and 65536 tensors, a state 65536
 *             tensors. What is beyond a bound is atollInvalidArgument at once; it uses up no call,
 *             and nobody else hears of it.
 *   Tags.     May count up for ever: `tag = step` is fine. Calls have names, pairs of group and
 *             tag; an atollUpdate that finds more than 16384 of them on a peer begins a new
 *             generation (atollView_t), in which all names count anew. Without any atollUpdate the
 *             call that would be the 65537th name of a generation is refused at its start, with
 *             atollInvalidUsage. It uses up no call either: call atollUpdate on all peers, then
 *             call again.
 *   Errors.   Every function returns an atollResult_t. atollGetErrorString explains the number,
 *             atollGetLastError gives the sentence of the calling thread's last error. Nothing
 *             here throws or aborts.
 *   Structs.  Set them up with their _INITIALIZER; it fills in `size`, by which the library knows
 *             what a program was compiled with. One rule for all that have a `size`, to be read or
 *             to be filled: of a shorter one, from an older header, only those fields are used; a
 *             longer one, from a newer header, is taken as long as all bytes that this library does
 *             not know are 0, and left as it is there. If one is not, the program asks for what
 *             this library does not have: atollUnsupported at once, and nothing has happened (a
 *             request that was to be ended goes on). So the default of a field that a later version
 *             adds is 0. A size of 0, or of more than 65536, is atollInvalidArgument. A null
 *             pointer for options means defaults; for info, that the caller does not want it.
 */
#ifndef ATOLL_ATOLL_H
#define ATOLL_ATOLL_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ATOLL_API __attribute__((visibility("default")))
#else
#define ATOLL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Results -------------------------------------------------------------------------------- */

/* Grouped by what the caller should do next. The numbers never change. */
typedef enum {
  atollSuccess = 0,
  atollInProgress = 1, /* only from functions that say so */

  /* 1xx: fix the call. The run goes on. */
  atollInvalidArgument = 100, /* a null pointer, an unknown enum value, a bad address */
  atollInvalidUsage = 101,    /* the object is not in a state for this call */
  atollMismatch = 102,        /* peers called with different arguments or in different order */
  atollUnsupported = 103,
  atollDuplicatePeer = 104,   /* another live peer has the same replica and shard */
  atollVersionMismatch = 105, /* coordinator and peer speak no common protocol version */
  atollStateConflict = 106,   /* a state sync has no content that all may take, or would replace
                                 what the run has committed and somebody still holds */
  /* The coordinator drives another instance of the run than the one that this communicator was in,
   * which it has therefore left for good. What it holds stays as it is. The sentence names both
   * instances; docs/OPERATING.md says what an operator can do. */
  atollOtherInstance = 107,
  atollSteppedDown = 108, /* of atollCoordinatorRun: it was stopped when another coordinator drove
                             the run */

  /* 2xx: try again. The run goes on, the input is as it was. */
  atollPeerLost = 200,
  atollAborted = 201,
  atollTimeout = 202,
  atollCancelled = 203,
  atollRootLost = 204, /* the root of a broadcast, scatter, gather or reduce died */

  /* 3xx: connect again, with atollCommConnect on the same communicator. The peer has left. */
  atollCoordinatorUnreachable = 300,
  atollOutcomeUnknown = 301, /* the coordinator was lost before the outcome of the call was known */
  atollEvicted = 302,        /* the run went on without this peer; the sentence says why */
  atollNotConnected = 303,

  /* 4xx: give the process what it lacks. */
  atollOutOfMemory = 400,
  atollSystemError = 401,

  /* 5xx: report a bug. */
  atollInternalError = 500
} atollResult_t;

/* A short text for the number; never null, static. */
ATOLL_API const char* atollGetErrorString(atollResult_t result);

/* One sentence on the last call of this thread that failed: what and who. Empty before the first
 * failure. Valid until the next Atoll call of the same thread. */
ATOLL_API const char* atollGetLastError(void);

/* ---- Version -------------------------------------------------------------------------------- */

#define ATOLL_VERSION_MAJOR 0
#define ATOLL_VERSION_MINOR 1
#define ATOLL_VERSION_PATCH 0
#define ATOLL_VERSION \
  (ATOLL_VERSION_MAJOR * 10000 + ATOLL_VERSION_MINOR * 100 + ATOLL_VERSION_PATCH)

/* The version of the library that is linked, as ATOLL_VERSION. */
ATOLL_API atollResult_t atollGetVersion(int* version);

/* ---- Elements ------------------------------------------------------------------------------- */

typedef enum {
  atollInt8 = 0,
  atollUint8 = 1,
  atollInt16 = 2,
  atollUint16 = 3,
  atollInt32 = 4,
  atollUint32 = 5,
  atollInt64 = 6,
  atollUint64 = 7,
  atollFloat16 = 8,
  atollBfloat16 = 9,
  atollFloat32 = 10,
  atollFloat64 = 11
} atollDataType_t;

/* Integer sums and products wrap. Half types are reduced in fp32 and rounded to nearest even at
 * each step. atollAvg divides the sum by the number of contributors (integers: towards zero).
 * min and max of a NaN and anything is NaN; NaNs come out as the quiet NaN. */
typedef enum {
  atollSum = 0,
  atollAvg = 1,
  atollProd = 2,
  atollMin = 3,
  atollMax = 4,
  /* Bit by bit, of integers. With another type: atollInvalidArgument, with both in the sentence. */
  atollBitAnd = 5,
  atollBitOr = 6,
  atollBitXor = 7
} atollRedOp_t;

/* ---- Coordinator ---------------------------------------------------------------------------- */

typedef struct atollCoordinator* atollCoordinator_t;

typedef struct {
  size_t size;
  const char* listen;       /* "HOST:PORT"; port 0: the kernel chooses. Default "127.0.0.1:0" */
  int insecure;             /* 1: allow an address that is not loopback */
  const char* run;          /* run id; peers that name another are refused. Null: any */
  uint32_t min_replicas;    /* the first view waits for so many complete replicas. Default 1 */
  uint32_t heartbeat_ms;    /* default 500 */
  uint32_t peer_timeout_ms; /* a peer silent for so long is dropped. Default 5000 */
  /* A folder in which the coordinator keeps a few bytes from one life to the next; created when it
   * is not there. One coordinator at a time. Null: none. A coordinator that was started again finds
   * the run without it, from what the members tell. */
  const char* state_dir;
  /* So long a coordinator that was started again waits, once a first member of a run that goes on
   * has come, for the others before it goes on (the second of two coordinators twice as long; of
   * three and more each sometimes as many times as there are coordinators); those who come later
   * have to come within peer_timeout_ms. For the first it waits 6.4 s before it makes a new run.
   * Default 1500 */
  uint32_t rejoin_window_ms;
  /* 1: nobody can be in the run yet: begin at once, and refuse whoever comes from another one. With
   * port 0 nobody is waited for either. Default 0.
   * Where peers know several coordinators, only the first of their list begins a run, and only when
   * it knows that there is none: by this, or by its state_dir; the others stand by. */
  int new_run;
  /* Go on with this instance of the run (32 hexadecimal digits, as sentences and `atoll status`
   * show it) and with no other. Null: with the one whose members come, or a new one. */
  const char* instance;
  /* 1: a state sync may replace a revision that the run has committed by a lower one, although a
   * connected peer still holds it. Default 0: such a sync ends with atollStateConflict. */
  int accept_lower_revision;
} atollCoordinatorConfig_t;

#define ATOLL_COORDINATOR_CONFIG_INITIALIZER \
  { sizeof(atollCoordinatorConfig_t), NULL, 0, NULL, 1, 500, 5000, NULL, 1500, 0, NULL, 0 }

/* Binds the address. The coordinator works while some thread is in atollCoordinatorRun. */
ATOLL_API atollResult_t atollCoordinatorCreate(atollCoordinator_t* coordinator,
                                               const atollCoordinatorConfig_t* config);
/* "HOST:PORT" with the port that was chosen. Valid until atollCoordinatorDestroy. */
ATOLL_API atollResult_t atollCoordinatorGetAddress(atollCoordinator_t coordinator,
                                                   const char** address);
/* Serves until atollCoordinatorStop; at most once per object. atollSteppedDown: it was stopped when
 * it had left its run to another coordinator. */
ATOLL_API atollResult_t atollCoordinatorRun(atollCoordinator_t coordinator);
/* From any thread; atollCoordinatorRun returns soon after. */
ATOLL_API atollResult_t atollCoordinatorStop(atollCoordinator_t coordinator);
/* After atollCoordinatorRun has returned, or when it was never called. Null is fine. */
ATOLL_API atollResult_t atollCoordinatorDestroy(atollCoordinator_t coordinator);

/* ---- Communicator --------------------------------------------------------------------------- */

typedef struct atollComm* atollComm_t;

/* Levels: 0 trace, 1 debug, 2 info, 3 warning, 4 error. Called from one thread of the library that
 * does nothing else: it may take its time, and then further lines wait or are left out (above). It
 * must not call Atoll: atollCommDestroy waits until it returns. `message` is valid during it. */
typedef void (*atollLogCallback_t)(void* user, int level, const char* message);

/* Names of moments inside the library, for tests and tracing: see docs/HACKING.md. Called often,
 * from library threads and from those that wait in a call; must return soon and must not call
 * Atoll. */
typedef void (*atollTraceCallback_t)(void* user, const char* point);

typedef struct {
  size_t size;
  const char* coordinator; /* "HOST:PORT"; [ADDRESS]:PORT for IPv6, with the zone where it is
                              link-local: [fe80::1%eth0]:7700. Required. Or a comma-separated
                              list, tried in turn: the same for all peers, since only the first
                              begins a run. A coordinator that dies may be started again, at the
                              same address or at another one of the list, and the run goes on */
  const char* run;         /* run id. Null: the coordinator's. Once a communicator is in a run, it
                              keeps to that instance of it until atollCommLeave */
  const char* name;        /* for people. Null: host name and process id */
  const char* replica;     /* peers that live and die together. Null: this peer alone */
  uint32_t shard;          /* this peer's index in its replica. Default 0 */
  uint32_t shard_count;    /* peers per replica. Default 1 */
  const char* bind;        /* address for data connections, "HOST" or "HOST:PORT". Null: any port,
                              on all addresses; only on loopback where the coordinator is */
  const char* advertise;   /* comma-separated "HOST[:PORT]" at which others reach this peer.
                              Null: the interface that leads to the coordinator, then others */
  uint32_t connections;    /* TCP connections per link. 0: the library chooses */
  uint32_t connect_timeout_ms;     /* atollCommConnect, with looking up names. Default 10000 */
  uint32_t update_timeout_ms;      /* atollUpdate, also when waiting to be admitted: 0 (default)
                                      uses arrival_timeout_ms */
  uint32_t arrival_timeout_ms;     /* a counterpart has not called. Default 600000 */
  uint32_t progress_timeout_ms;    /* all have called, no byte moves. Default 30000 */
  uint32_t outcome_grace_ms;       /* the outcome of an expired call is not heard, and no settle
                                      round about it is known to be open. Default 10000 */
  uint32_t coordinator_timeout_ms; /* without coordinator; then the peer has left. Default 30000 */
  atollLogCallback_t log;          /* null: standard error, level by ATOLL_LOG */
  void* log_user;
  atollTraceCallback_t trace;      /* null: none */
  void* trace_user;
  const char* dump_on_error; /* when a call fails with a result of 200 or more, atollCancelled
                                excepted, the state is written to a file "<this>-NAME-PID-N.json":
                                at most 16 per process. Null: to ATOLL_DUMP_DIR/atoll-…, if that
                                environment variable is set */
  /* What an in-place all-reduce of more than 1 MiB overwrites is kept until its outcome is known:
   * up to its whole size, in slabs of 2 MiB (huge pages, if the kernel has them). Out of place, and
   * with input_disposable, nothing is.
   * Slabs are reused as long as they all are no more than input_backup_bytes; what calls need
   * beyond that is taken and given back each time. No call waits for memory. Default 1 GiB */
  uint64_t input_backup_bytes;
  /* Calls in flight together may need so much. A call that would exceed it on any peer begins
   * nowhere: it ends with atollOutOfMemory on all, input intact. Default 0: no limit */
  uint64_t input_backup_limit_bytes;
} atollCommConfig_t;

#define ATOLL_COMM_CONFIG_INITIALIZER                                                            \
  {                                                                                              \
    sizeof(atollCommConfig_t), NULL, NULL, NULL, NULL, 0, 1, NULL, NULL, 0, 10000, 0, 600000,    \
        30000, 10000, 30000, NULL, NULL, NULL, NULL, NULL, (uint64_t)1 << 30, 0                  \
  }

/* Copies the config. Opens nothing yet. */
ATOLL_API atollResult_t atollCommCreate(atollComm_t* comm, const atollCommConfig_t* config);

/* Registers with the coordinator: the peer is pending and makes its links in the background; the
 * first atollUpdate waits until the members let it in. When another process has its replica and
 * shard, it waits within connect_timeout_ms until it is known whether that one lives: a former self
 * that is frozen, or whose host is gone, is dropped meanwhile.
 * Errors: atollCoordinatorUnreachable, atollDuplicatePeer (that process lives),
 * atollVersionMismatch, atollMismatch (another run id or shard count), atollOtherInstance (this
 * communicator was in another instance of the run: connecting again is of no use; a new
 * communicator may join the one that there is).
 * May be called again after a 3xx result or atollCommLeave. */
ATOLL_API atollResult_t atollCommConnect(atollComm_t comm);

/* Leaves the run in an orderly way: the others need not find out. Its replica goes with it. */
ATOLL_API atollResult_t atollCommLeave(atollComm_t comm);

/* From any thread: pending calls end with atollCancelled soon, and the communicator leaves at once.
 * For watchdogs and for shutting down. */
ATOLL_API atollResult_t atollCommAbort(atollComm_t comm);

/* Leaves when still connected, frees everything. All requests must have ended. Null is fine. */
ATOLL_API atollResult_t atollCommDestroy(atollComm_t comm);

typedef struct {
  size_t size;
  uint64_t incarnation; /* incarnation and epoch name the view */
  uint64_t epoch;
  uint64_t generation;  /* epoch of the last atollUpdate that admitted peers, came after a loss,
                           brought a new plan or found more than 16384 names of calls */
  uint64_t peer;        /* this peer's id */
  uint32_t rank;        /* this peer's place in the view, 0 … world - 1 */
  uint32_t world;       /* peers in the view */
  uint32_t replica_rank;
  uint32_t replicas;
  uint32_t joined;      /* peers that are new since this peer's last atollUpdate (itself too) */
  uint32_t lost;        /* peers that are gone since this peer's last atollUpdate */
} atollView_t;

#define ATOLL_VIEW_INITIALIZER { sizeof(atollView_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* The meeting point of all members, and the only place where newcomers get in. Returns when all
 * members have called it: one round trip to the coordinator. On a peer that is not yet a member it
 * waits to be admitted. `view` may be null. Async calls may be in flight.
 * One that waits warns in the log after 1.5 s, 10 s and then every minute, with the names of those
 * who have not called, or what else keeps it; so does the sentence of atollTimeout. */
ATOLL_API atollResult_t atollUpdate(atollComm_t comm, atollView_t* view);

/* The view as it stands, without waiting; atollNotConnected before the first atollUpdate. */
ATOLL_API atollResult_t atollGetView(atollComm_t comm, atollView_t* view);

typedef enum {
  atollAttributeWorld = 0,
  atollAttributeRank = 1,
  atollAttributeReplicas = 2,
  atollAttributePeer = 3,           /* this peer's id */
  atollAttributeBytesSent = 4,      /* payload, since atollCommConnect */
  atollAttributeBytesReceived = 5,
  atollAttributeListeningPort = 6,
  atollAttributeConnections = 7,    /* data connections that are open */
  /* Memory for what in-place calls overwrite, see atollCommConfig_t: in use, most in use since
   * atollCommConnect, and not in use but kept. */
  atollAttributeInputBackupBytes = 8,
  atollAttributeInputBackupPeakBytes = 9,
  atollAttributeInputBackupKeptBytes = 10
} atollAttribute_t;

ATOLL_API atollResult_t atollGetAttribute(atollComm_t comm, atollAttribute_t attribute,
                                          uint64_t* value);

/* The id of the peer that had this rank in the view of this communicator's last atollUpdate, for
 * example as root of a broadcast. All members get the same answer until the next atollUpdate, also
 * when that peer has died since. */
ATOLL_API atollResult_t atollGetPeerAt(atollComm_t comm, uint32_t rank, uint64_t* peer);

/* ---- Looking inside -------------------------------------------------------------------------- */

/* The state of a communicator as JSON: who it is, the view, links, open calls with who is awaited
 * since when, and what happened lately. Works at any time and from any thread, also while others
 * wait in calls, and after the communicator has left the run; takes a second at most. The fields
 * are described in docs/HACKING.md; more may come. */

/* Copies the text and its final zero to `buffer`. `needed` (may be null) is the size of both. With
 * a null buffer only the size is told; it may be another the next time. */
ATOLL_API atollResult_t atollFormatState(atollComm_t comm, char* buffer, size_t capacity,
                                         size_t* needed);
/* Writes the text to a file, or to standard error when `path` is null. */
ATOLL_API atollResult_t atollDumpState(atollComm_t comm, const char* path);

/* From now on this signal (SIGUSR1, say) makes the process write the state of all its
 * communicators: to files named as for dump_on_error, or else to standard error. Takes the place of
 * the handler that the signal had. Nothing of it happens in the handler itself, but in a thread of
 * the library. Not a signal of a crash, like SIGSEGV: atollInvalidArgument. */
ATOLL_API atollResult_t atollInstallDumpSignal(int signal_number);

/* How a run is, as JSON (what `atoll status` shows): asked from outside of the run, blocking.
 * `json`, `capacity` and `needed` as in atollFormatState. */
ATOLL_API atollResult_t atollGetCoordinatorStatus(const char* address, uint32_t timeout_ms,
                                                  char* json, size_t capacity, size_t* needed);

/* ---- Collectives ---------------------------------------------------------------------------- */

typedef enum {
  atollGroupShard = 0,   /* the peers with this peer's shard, across replicas (default) */
  atollGroupReplica = 1, /* the shards of this peer's replica */
  atollGroupAll = 2,
  /* As atollGroupShard, but the call ends for this shard alone: others may commit it when this one
   * does not, and need not make it. Small ones then cost no trip to the coordinator. Its calls are
   * counted apart from those of atollGroupShard. Not for what makes a step of a model. */
  atollGroupShardAlone = 3
} atollGroup_t;

typedef enum {
  atollRetry = 0,  /* on a death, try again with the survivors (default) */
  atollNoRetry = 1 /* on a death, return atollPeerLost on all survivors */
} atollRetry_t;

/* How an all-reduce of N peers and B bytes moves. The same on all of them, or atollMismatch.
   Whatever it is, each element is added up in one order, the same in each run with the same peers,
   and all peers hold the same bits. Calls of other kinds choose by themselves. */
typedef enum {
  /* By size and number of peers (default): direct what is tiny, then mesh, then ring. A ring for
   * calls with ATOLL_KEEP_COMPLETED_SEGMENTS, which no other algorithm has. */
  atollAlgorithmAuto = 0,
  /* Around a ring, in pieces: 2 (N-1) hops; each peer sends and receives 2 (N-1)/N B, with one
   * neighbour each. */
  atollAlgorithmRing = 1,
  /* All to one peer, which returns the result: 2 hops; that peer sends and receives (N-1) B. */
  atollAlgorithmStar = 2,
  /* Each peer is the hub of a share of the elements: 2 hops; as many bytes as a ring, spread over
   * the links to all. */
  atollAlgorithmMesh = 3,
  /* All to all, and each adds up for itself: 1 hop; each peer sends and receives (N-1) B. For what
   * is tiny; it takes one more copy of the input. */
  atollAlgorithmDirect = 4
} atollAlgorithm_t;

/* For `flags` of atollOpOptions_t, with an all-reduce of more than 1 MiB, or of any size when
   replicas have several shards: its segments stand once all peers have them complete, whoever dies
   after that. An in-place call then keeps a window of its input at a time, at most 24 segments (a
   segment is 255 KiB for each peer), instead of all of it; and after a death only what is not
   complete on all survivors is reduced again, without the dead. The price: elements of one result
   may have different contributors (`ranges` of atollOpInfo_t), and once the first segment stands,
   the call ends in a result: cancel, deadline, the timeouts and atollNoRetry do not end it. Only a
   peer that leaves the run, by atollCommAbort or because it is evicted, lacks memory, has lost the
   coordinator or, alone among the living, cannot go on (atollTimeout), gets an error, and its
   buffers then hold results in part. Calls that end otherwise give the input back as ever; only if
   calls of other shards differ (atollMismatch), what stands already is lost. Not with
   input_disposable, and the same on all peers. */
#define ATOLL_KEEP_COMPLETED_SEGMENTS 1u
/* For `flags` of async functions: the caller waits soon. Its thread does the communicator's work,
   as that of a blocking call does, for up to 200 ms: a short call takes half the time. */
#define ATOLL_WAITS_SOON 2u

typedef struct {
  size_t size;
  atollGroup_t group;
  uint64_t tag;         /* calls with different tags are independent of each other. May be another
                           one for each step, see Tags above; UINT64_MAX is reserved */
  uint32_t deadline_ms; /* for the call as a whole, retries included. 0: the timeouts above */
  atollRetry_t retry;
  atollAlgorithm_t algorithm;
  int input_disposable; /* 1: after an error the input of an in-place call need not be intact;
                           implies atollNoRetry for such calls. Saves the copy; but without it a
                           large call cannot begin again when a peer or the coordinator was
                           unreachable for a moment, and ends with atollAborted */
  double weight;        /* of this peer in atollAvg on a float type, 0 to 2^50; each peer has its
                           own. 0: contributes nothing, and receives. Default 1, which is all that
                           other calls take. See atollAllReduce */
  uint32_t flags;       /* ATOLL_KEEP_COMPLETED_SEGMENTS, ATOLL_WAITS_SOON, both, or 0 */
  uint64_t layout;      /* of the caller's choice; the same on all, or atollMismatch. In which
                           order the elements of a matrix lie in memory, say */
} atollOpOptions_t;

#define ATOLL_OP_OPTIONS_INITIALIZER \
  { sizeof(atollOpOptions_t), atollGroupShard, 0, 0, atollRetry, atollAlgorithmAuto, 0, 1.0, 0, 0 }

/* The elements of a result from the end of the range before to `end`, tensors of a batch joined. */
typedef struct {
  uint64_t end;
  uint32_t contributors;      /* how many */
  uint32_t first_contributor; /* index of the first of them in contributor_ids */
  double total_weight;
} atollOpRange_t;

typedef struct {
  size_t size;
  uint32_t contributors; /* peers whose input is in the result, with whatever weight */
  uint32_t attempts;     /* 1 when nobody died, and nobody lost touch with the coordinator */
  uint64_t bytes_sent;   /* payload, all attempts */
  uint64_t bytes_received;
  uint64_t duration_us;  /* from call to outcome */
  uint64_t* contributor_ids;     /* in: room for this many ids, or null */
  uint32_t contributor_capacity; /* in: of both arrays; what does not fit is left out */
  double total_weight;   /* of the contributors, the same on all; 0 when count is 0 */
  double* contributor_weights;   /* in: room for as many weights as ids, or null. Out: what each of
                                    contributor_ids counted; see total_weight */
  /* Who contributed to what. One range, unless segments were kept: then one for each time that some
     were, whose contributors are those of the next and the dead; the last has those above. One may
     be empty. The ids and weights of the ranges before the last follow in contributor_ids and
     contributor_weights, as far as there is room. */
  atollOpRange_t* ranges;  /* in: room for this many ranges, or null */
  uint32_t range_capacity; /* in */
  uint32_t range_count;    /* how many there are */
  uint64_t sender;         /* of atollRecv and atollRecvAny: who sent; 0 of other calls */
} atollOpInfo_t;

#define ATOLL_OP_INFO_INITIALIZER \
  { sizeof(atollOpInfo_t), 0, 0, 0, 0, 0, NULL, 0, 0.0, NULL, NULL, 0, 0, 0 }

/* recvbuff[i] = op over all members of sendbuff[i]. In place when the pointers are equal; they
 * must not overlap otherwise. Any count, 0 included; pointers may be null only when it is 0.
 *
 * atollAvg of float types is sum(weight * input) / sum(weight) over the contributors, so that who
 * dies changes neither scale nor the others' shares. Each product is rounded to the type and then
 * added: with 16-bit types keep the weights near 1. Weights are rounded to float32, but for
 * float64, and cut to multiples of 2^-64. An input of weight 0 is not looked at, NaN included; when
 * all weights are 0 the result is zeros, and total_weight says so. The info has each contributor's
 * weight as it counted, the same on all peers whoever died; calls that take no weights tell 1 of
 * each. Integers take no weights: their products would wrap, and a mean of few bits would be off by
 * more than the weights say. */
ATOLL_API atollResult_t atollAllReduce(const void* sendbuff, void* recvbuff, uint64_t count,
                                       atollDataType_t datatype, atollRedOp_t op, atollComm_t comm,
                                       const atollOpOptions_t* options, atollOpInfo_t* info);

typedef struct {
  const void* sendbuff;
  void* recvbuff;
  uint64_t count;
} atollTensor_t;

/* Several tensors of one type as one op: all commit, from the same contributors, or none does. No
 * recvbuff may overlap the recvbuff or the sendbuff of another tensor: atollInvalidArgument, with a
 * sentence that names both by their index. Several may have the same sendbuff. */
ATOLL_API atollResult_t atollAllReduceBatch(const atollTensor_t* tensors, uint32_t tensor_count,
                                            atollDataType_t datatype, atollRedOp_t op,
                                            atollComm_t comm, const atollOpOptions_t* options,
                                            atollOpInfo_t* info);

/* recvbuff on all = sendbuff of the root (a peer id, see atollGetPeerAt). sendbuff is read on the
 * root only and may be null elsewhere. */
ATOLL_API atollResult_t atollBroadcast(const void* sendbuff, void* recvbuff, uint64_t count,
                                       atollDataType_t datatype, uint64_t root, atollComm_t comm,
                                       const atollOpOptions_t* options, atollOpInfo_t* info);

/* Calls in which peers bring or get different parts.
 *
 * Blocks. N is the number of peers of the group in the view that the last atollUpdate returned:
 * `replicas` of it for atollGroupShard, `world` for atollGroupAll, the shards of a replica for
 * atollGroupReplica. Block i of N blocks of `count` elements belongs to the peer with this
 * replica_rank, rank, or shard. So it stays until the next atollUpdate, also when a peer dies: its
 * block is then not part of the result, and where others' blocks come together it is zeros.
 * The info's contributors say who is in the result, and the ends of its ranges count the elements
 * of all blocks.
 * In place: this peer's elements may be at the same place in both buffers, as said with each call;
 * otherwise buffers do not overlap. A buffer that a peer does not use may be null. After an error
 * the input is as it was, and recvbuff holds anything elsewhere.
 * With blocks of different sizes, from all to all, and from whoever sends: atoll_parts.h. */

/* recvbuff (`count`) = this peer's block of op over all members of sendbuff (N blocks). In place:
 * recvbuff == sendbuff + own block. Averages and weights as in atollAllReduce. */
ATOLL_API atollResult_t atollReduceScatter(const void* sendbuff, void* recvbuff, uint64_t count,
                                           atollDataType_t datatype, atollRedOp_t op,
                                           atollComm_t comm, const atollOpOptions_t* options,
                                           atollOpInfo_t* info);
/* recvbuff (N blocks) on all = the sendbuff (`count`) of all, in order. In place: sendbuff ==
 * recvbuff + own block. */
ATOLL_API atollResult_t atollAllGather(const void* sendbuff, void* recvbuff, uint64_t count,
                                       atollDataType_t datatype, atollComm_t comm,
                                       const atollOpOptions_t* options, atollOpInfo_t* info);
/* recvbuff of the root (a peer id, see atollGetPeerAt) = op over all members of sendbuff. In place:
 * recvbuff == sendbuff. recvbuff is used on the root only; a call of more than 64 KiB takes address
 * space of its size on the others, of which they touch their part. */
ATOLL_API atollResult_t atollReduce(const void* sendbuff, void* recvbuff, uint64_t count,
                                    atollDataType_t datatype, atollRedOp_t op, uint64_t root,
                                    atollComm_t comm, const atollOpOptions_t* options,
                                    atollOpInfo_t* info);
/* recvbuff (N blocks) of the root = the sendbuff (`count`) of all, in order; used on the root only.
 * In place on the root: sendbuff == recvbuff + own block. */
ATOLL_API atollResult_t atollGather(const void* sendbuff, void* recvbuff, uint64_t count,
                                    atollDataType_t datatype, uint64_t root, atollComm_t comm,
                                    const atollOpOptions_t* options, atollOpInfo_t* info);
/* recvbuff (`count`) = this peer's block of the root's sendbuff (N blocks), which is used on the
 * root only. In place on the root: recvbuff == sendbuff + own block. */
ATOLL_API atollResult_t atollScatter(const void* sendbuff, void* recvbuff, uint64_t count,
                                     atollDataType_t datatype, uint64_t root, atollComm_t comm,
                                     const atollOpOptions_t* options, atollOpInfo_t* info);

/* From one peer to one (a peer id), who receives with the same count, type and tag: both succeed,
 * or neither; when one of them dies the other gets atollPeerLost. Calls from one peer to the other
 * are counted by tag, apart from those that go back; options->group is not looked at. A send
 * returns when it was received: so two peers that both send first, blocking, wait for each other;
 * use the async calls. */
ATOLL_API atollResult_t atollSend(const void* sendbuff, uint64_t count, atollDataType_t datatype,
                                  uint64_t peer, atollComm_t comm,
                                  const atollOpOptions_t* options, atollOpInfo_t* info);
ATOLL_API atollResult_t atollRecv(void* recvbuff, uint64_t count, atollDataType_t datatype,
                                  uint64_t peer, atollComm_t comm, const atollOpOptions_t* options,
                                  atollOpInfo_t* info);

/* Returns when all members have called it. */
ATOLL_API atollResult_t atollBarrier(atollComm_t comm, const atollOpOptions_t* options);

/* Measures what the network between the members carries; the next atollUpdate brings a plan (ring
 * orders, hubs, shares, algorithm by size) made of it, if it is faster. To be called by all
 * members, once they have met, and again when many have come; without it rates are learned from the
 * traffic that there is. It loads the network: pairs that it has not measured yet one after the
 * other, then all at once, a few seconds for each member, up to 256 MiB a pair and try. Other calls
 * in flight make its figures worse. Blocking. Of the options it takes the tag, which no other call
 * may have meanwhile, and the deadline, for all of it. A pair that fails is passed over. */
ATOLL_API atollResult_t atollOptimizeTopology(atollComm_t comm, const atollOpOptions_t* options);

/* ---- Async calls ---------------------------------------------------------------------------- */

/* A call in flight. The buffers are the library's until it has ended. Every request is to be ended
 * once, by atollWait or by an atollTest that reports the end; either frees it.
 *
 * A communicator has at most ATOLL_CALLS_IN_FLIGHT_MAX calls in flight, syncs among them. One that
 * is started beyond that waits, blocking, until another one has ended, for at most
 * arrival_timeout_ms; then its request ends in atollInvalidUsage, and the sequence of calls goes on
 * as if it had not been made. So peers that make the same calls have the same ones refused: none.
 * Where 24576 calls have ended here and not yet on all others, or 8192 of those were aborted, a new
 * call does not begin before others have ended theirs, for as long; its request waits meanwhile. */
#define ATOLL_CALLS_IN_FLIGHT_MAX 4096

typedef struct atollRequest* atollRequest_t;

ATOLL_API atollResult_t atollAllReduceAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                            atollDataType_t datatype, atollRedOp_t op,
                                            atollComm_t comm, const atollOpOptions_t* options,
                                            atollRequest_t* request);
ATOLL_API atollResult_t atollAllReduceBatchAsync(const atollTensor_t* tensors,
                                                 uint32_t tensor_count, atollDataType_t datatype,
                                                 atollRedOp_t op, atollComm_t comm,
                                                 const atollOpOptions_t* options,
                                                 atollRequest_t* request);
ATOLL_API atollResult_t atollBroadcastAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                            atollDataType_t datatype, uint64_t root,
                                            atollComm_t comm, const atollOpOptions_t* options,
                                            atollRequest_t* request);

ATOLL_API atollResult_t atollReduceScatterAsync(const void* sendbuff, void* recvbuff,
                                                uint64_t count, atollDataType_t datatype,
                                                atollRedOp_t op, atollComm_t comm,
                                                const atollOpOptions_t* options,
                                                atollRequest_t* request);
ATOLL_API atollResult_t atollAllGatherAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                            atollDataType_t datatype, atollComm_t comm,
                                            const atollOpOptions_t* options,
                                            atollRequest_t* request);
ATOLL_API atollResult_t atollReduceAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                         atollDataType_t datatype, atollRedOp_t op, uint64_t root,
                                         atollComm_t comm, const atollOpOptions_t* options,
                                         atollRequest_t* request);
ATOLL_API atollResult_t atollGatherAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                         atollDataType_t datatype, uint64_t root, atollComm_t comm,
                                         const atollOpOptions_t* options, atollRequest_t* request);
ATOLL_API atollResult_t atollScatterAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                          atollDataType_t datatype, uint64_t root,
                                          atollComm_t comm, const atollOpOptions_t* options,
                                          atollRequest_t* request);
ATOLL_API atollResult_t atollSendAsync(const void* sendbuff, uint64_t count,
                                       atollDataType_t datatype, uint64_t peer, atollComm_t comm,
                                       const atollOpOptions_t* options, atollRequest_t* request);
ATOLL_API atollResult_t atollRecvAsync(void* recvbuff, uint64_t count, atollDataType_t datatype,
                                       uint64_t peer, atollComm_t comm,
                                       const atollOpOptions_t* options, atollRequest_t* request);
ATOLL_API atollResult_t atollBarrierAsync(atollComm_t comm, const atollOpOptions_t* options,
                                          atollRequest_t* request);

/* Asynchronous forms of calls that are no collectives of buffers. What the blocking form returns by
 * a pointer is filled by the function that reports the end, and must be there until then; the info
 * of that function is left alone. Cancelling ends them with atollCancelled: connecting then starts
 * anew; of an update see atollUpdate. */
ATOLL_API atollResult_t atollCommConnectAsync(atollComm_t comm, atollRequest_t* request);
/* Calls that are started before the end was reported are still those of the view before. */
ATOLL_API atollResult_t atollUpdateAsync(atollComm_t comm, atollView_t* view,
                                         atollRequest_t* request);
ATOLL_API atollResult_t atollOptimizeTopologyAsync(atollComm_t comm,
                                                   const atollOpOptions_t* options,
                                                   atollRequest_t* request);

/* Waits for the end and returns the call's result. */
ATOLL_API atollResult_t atollWait(atollRequest_t request, atollOpInfo_t* info);
/* The same for at most so long: atollInProgress if the call goes on then, and the request stays.
 * For callers that must look at something else now and then, as an interpreter at its signals. */
ATOLL_API atollResult_t atollWaitFor(atollRequest_t request, uint32_t timeout_ms,
                                     atollOpInfo_t* info);
/* atollInProgress while the call goes on; otherwise as atollWait. Never waits. */
ATOLL_API atollResult_t atollTest(atollRequest_t request, atollOpInfo_t* info);
/* Calls `ended(user)` once, when the call has ended, or at once if it has: for an event loop that
 * is to be woken. On any thread; it must return soon and must not call Atoll. It may come a moment
 * after atollWait has returned elsewhere. At most one for each request: else atollInvalidUsage. */
ATOLL_API atollResult_t atollNotify(atollRequest_t request, void (*ended)(void* user), void* user);
/* Asks for the call to be ended on all members. atollWait still has to be called, and returns
 * atollCancelled, or success when the call had already committed. */
ATOLL_API atollResult_t atollCancel(atollRequest_t request);

/* ---- Shared state --------------------------------------------------------------------------- */

/* Tensors that are to be the same, bit for bit, on all members, with a revision number that counts
 * up. Between atollStatePublish and atollStateBeginWrite the caller leaves the bytes alone, and
 * the library may read them in a sync. The tensors belong to the caller and must outlive the
 * handle. */
typedef struct atollState* atollState_t;

ATOLL_API atollResult_t atollStateCreate(atollState_t* state);
ATOLL_API atollResult_t atollStateDestroy(atollState_t state); /* null is fine */

/* All members add the same names, types and counts, in the same order. Only while no revision was
 * published. */
ATOLL_API atollResult_t atollStateAddTensor(atollState_t state, const char* name, void* data,
                                            atollDataType_t datatype, uint64_t count);
/* From here the caller may change the bytes. */
ATOLL_API atollResult_t atollStateBeginWrite(atollState_t state);
/* The bytes now are `revision`, which must be greater than the last one. A state that was never
 * published has revision 0 and its bytes as they are. */
ATOLL_API atollResult_t atollStatePublish(atollState_t state, uint64_t revision);
ATOLL_API atollResult_t atollStateGetRevision(atollState_t state, uint64_t* revision);

typedef enum {
  atollSyncPopular = 0,    /* the highest revision, then the content most members hold */
  atollSyncSendOnly = 1,   /* this peer's content is to win */
  atollSyncReceiveOnly = 2 /* this peer's content counts for nothing */
} atollSyncStrategy_t;

typedef struct {
  size_t size;
  atollSyncStrategy_t strategy;
  uint64_t tag;
  uint32_t deadline_ms; /* 0: the timeouts of the communicator */
} atollSyncOptions_t;

#define ATOLL_SYNC_OPTIONS_INITIALIZER { sizeof(atollSyncOptions_t), atollSyncPopular, 0, 0 }

typedef struct {
  size_t size;
  uint64_t revision;          /* what all members now hold */
  uint64_t digest_high;       /* XXH3-128 of the content */
  uint64_t digest_low;
  uint64_t bytes_received;    /* 0 when this peer held the elected content */
  uint64_t bytes_sent;
  uint32_t tensors_received;  /* tensors of which any byte differed */
  uint32_t attempts;
  uint64_t duration_us;
} atollSyncInfo_t;

#define ATOLL_SYNC_INFO_INITIALIZER { sizeof(atollSyncInfo_t), 0, 0, 0, 0, 0, 0, 0, 0 }

typedef struct {
  size_t size;
  uint64_t tag;              /* of the members' atollSyncState */
  uint32_t level_timeout_ms; /* after so long in atollUpdate the peer is to be admitted as it is,
                                and the members' next sync levels it. Default 120000 */
} atollFollowOptions_t;

#define ATOLL_FOLLOW_OPTIONS_INITIALIZER { sizeof(atollFollowOptions_t), 0, 120000 }

/* Between atollCommConnect and the first atollUpdate, by newcomers and founders alike: that update
 * brings what the members last synced into `state`, and lets this peer in when it is level with
 * them, so that nobody waits for a download. Members hand out what they hold while they compute:
 * from a sync until atollStateBeginWrite, which cuts what is on its way (the newcomer then goes on
 * with the next revision, and fetches again only what changed). So the least that a newcomer must
 * fetch in one go is what changes between two revisions.
 *
 * Order of a step that makes use of it: atollSyncState, compute, atollUpdate, reduce (a newcomer
 * with weight 0, or zeros), atollStateBeginWrite, the same outer step on all, atollStatePublish,
 * and again atollSyncState, which then moves nothing. Who publishes between sync and update lets
 * newcomers in one revision late.
 *
 * `state` must outlive that update and is the library's during it; if it fails (atollMismatch:
 * another table of tensors), the bytes may be torn and the revision is 0. Returns at once. */
ATOLL_API atollResult_t atollFollowState(atollComm_t comm, atollState_t state,
                                         const atollFollowOptions_t* options);

/* All members bring their state; one content is elected (newcomers have no vote while others have
 * state); who differs fetches what differs from those who hold it. On an error the caller's bytes
 * and revision are as they were, unless the state had never been published or synced.
 * A revision that a sync of this run has committed is not replaced by a lower one while a connected
 * peer holds it, or what it has published since; also one that was evicted and is back as a
 * newcomer: then the sync ends with atollStateConflict on all (docs/OPERATING.md). */
ATOLL_API atollResult_t atollSyncState(atollComm_t comm, atollState_t state,
                                       const atollSyncOptions_t* options, atollSyncInfo_t* info);

/* Takes the digests, a pass over the state, before it returns. Until the end was reported no other
 * function takes the state: atollInvalidUsage. */
ATOLL_API atollResult_t atollSyncStateAsync(atollComm_t comm, atollState_t state,
                                            const atollSyncOptions_t* options,
                                            atollSyncInfo_t* info, atollRequest_t* request);

/* ---- DiLoCo --------------------------------------------------------------------------------- */

/* Synchronous DiLoCo (arXiv 2311.08105, Algorithm 1) on one flat fp32 parameter vector. Every
 * replica takes some number of inner steps by its own optimizer; then atollDilocoStep averages the
 * pseudo-gradients, delta = mean over replicas of (outer - local), and takes the outer step, SGD
 * with Nesterov momentum:
 *     momentum <- mu * momentum + delta
 *     outer    <- outer - lr * (delta + mu * momentum)
 * after which local parameters = outer parameters on all. Outer parameters and momentum are a
 * shared state; inner optimizer state stays with each replica. */
typedef struct atollDiloco* atollDiloco_t;

typedef struct {
  size_t size;
  float learning_rate; /* default 0.7 */
  float momentum;      /* default 0.9 */
  int nesterov;        /* default 1 */
  uint64_t tag;        /* of its collective calls. Default 0 */
} atollDilocoConfig_t;

#define ATOLL_DILOCO_CONFIG_INITIALIZER { sizeof(atollDilocoConfig_t), 0.7f, 0.9f, 1, 0 }

typedef struct {
  size_t size;
  uint64_t round;             /* outer steps taken by the run */
  uint32_t contributors;
  uint32_t attempts;
  double pseudo_gradient_norm; /* Euclidean, of the mean */
  uint64_t bytes_sent;
  uint64_t bytes_received;
  uint64_t duration_us;
} atollDilocoInfo_t;

#define ATOLL_DILOCO_INFO_INITIALIZER { sizeof(atollDilocoInfo_t), 0, 0, 0, 0.0, 0, 0, 0 }

/* `parameters`: `count` initial values, copied as the outer parameters. Null config: defaults. */
ATOLL_API atollResult_t atollDilocoCreate(atollDiloco_t* diloco, const float* parameters,
                                          uint64_t count, const atollDilocoConfig_t* config);
ATOLL_API atollResult_t atollDilocoDestroy(atollDiloco_t diloco); /* null is fine */

/* A collective call: after it all members hold the same outer parameters, momentum and round, and
 * `parameters` (count values) are the outer parameters. To be called after atollUpdate, before the
 * inner steps of a round. */
ATOLL_API atollResult_t atollDilocoSync(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                                        atollSyncInfo_t* info);

/* A collective call: the outer step. On success `parameters` are the new outer parameters; on an
 * error they and the outer state are as they were, and the call may be made again. */
ATOLL_API atollResult_t atollDilocoStep(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                                        atollDilocoInfo_t* info);

/* The same without waiting. `parameters` must be there, and unchanged, until the end was reported;
 * the outer step is taken by the function that reports it. Until then no other function takes the
 * optimizer: atollInvalidUsage. */
ATOLL_API atollResult_t atollDilocoSyncAsync(atollDiloco_t diloco, atollComm_t comm,
                                             float* parameters, atollSyncInfo_t* info,
                                             atollRequest_t* request);
ATOLL_API atollResult_t atollDilocoStepAsync(atollDiloco_t diloco, atollComm_t comm,
                                             float* parameters, atollDilocoInfo_t* info,
                                             atollRequest_t* request);

/* Copies the outer parameters (`count` values) and tells the round. Either pointer may be null. */
ATOLL_API atollResult_t atollDilocoGetOuter(atollDiloco_t diloco, float* parameters,
                                            uint64_t* round);

/* ---- For tests and sceptics ------------------------------------------------------------------ */

/* Resets (RST) all data connections of this communicator, as a bad network would; what was on its
 * way in them is lost. Calls in progress go on: lost connections are made anew, and what had not
 * arrived is sent again. From any thread; returns when the connections are cut. */
ATOLL_API atollResult_t atollResetConnections(atollComm_t comm);

#ifdef __cplusplus
}
#endif

#include "atoll/atoll_parts.h" /* more calls */
#endif /* ATOLL_ATOLL_H */
