/* Atoll: calls in which peers bring or get parts of different sizes, continued from atoll.h, which
 * includes this and says what blocks, groups, tags and requests are. */
#ifndef ATOLL_ATOLL_PARTS_H
#define ATOLL_ATOLL_PARTS_H

#include <stdint.h>

#include "atoll/atoll.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Uneven blocks -------------------------------------------------------------------------- */

/* The calls whose names end in V take `counts` in the place of `count`, a list of `peers` numbers:
 * block i has counts[i] elements, any number, 0 included, and lies right behind block i - 1.
 * Everything else is as in the call without the V, which is the same call when all are equal.
 * `peers` is the N that "Blocks" in atoll.h tells of; another number is atollInvalidArgument, so
 * that no list is read beyond its end. All peers give the same counts: a difference is
 * atollMismatch on all, with a sentence that names two of them, the block and both counts. The
 * list is copied before a call returns. Example: with counts {2, 0, 5}, recvbuff of atollAllGatherV
 * has 7 elements, of which the last 5 are those of the third peer. */
ATOLL_API atollResult_t atollReduceScatterV(const void* sendbuff, void* recvbuff,
                                            const uint64_t* counts, uint32_t peers,
                                            atollDataType_t datatype, atollRedOp_t op,
                                            atollComm_t comm, const atollOpOptions_t* options,
                                            atollOpInfo_t* info);
ATOLL_API atollResult_t atollAllGatherV(const void* sendbuff, void* recvbuff,
                                        const uint64_t* counts, uint32_t peers,
                                        atollDataType_t datatype, atollComm_t comm,
                                        const atollOpOptions_t* options, atollOpInfo_t* info);
ATOLL_API atollResult_t atollGatherV(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                                     uint32_t peers, atollDataType_t datatype, uint64_t root,
                                     atollComm_t comm, const atollOpOptions_t* options,
                                     atollOpInfo_t* info);
ATOLL_API atollResult_t atollScatterV(const void* sendbuff, void* recvbuff, const uint64_t* counts,
                                      uint32_t peers, atollDataType_t datatype, uint64_t root,
                                      atollComm_t comm, const atollOpOptions_t* options,
                                      atollOpInfo_t* info);

/* ---- All-to-all ------------------------------------------------------------------------------ */

/* Block j of sendbuff goes to peer j, block i of recvbuff (N blocks of `count` elements in each)
 * comes from peer i, straight from one to the other. Buffers do not overlap: there is no in-place
 * form. When a peer dies the others go on without it, and its block of recvbuff is zeros. Its end
 * takes a verdict of the coordinator, whatever its size. The ranges of the info count the elements
 * of recvbuff. */
ATOLL_API atollResult_t atollAllToAll(const void* sendbuff, void* recvbuff, uint64_t count,
                                      atollDataType_t datatype, atollComm_t comm,
                                      const atollOpOptions_t* options, atollOpInfo_t* info);
/* The same with uneven blocks, of which a peer knows its own: send_counts[j] elements go to peer j,
 * recv_counts[i] come from peer i; `peers` numbers in each list. What one sends must be what the
 * other expects, else the call ends with atollMismatch on all, and the sentence names the two and
 * both counts; of the block that a peer has for itself with atollInvalidArgument at once. */
ATOLL_API atollResult_t atollAllToAllV(const void* sendbuff, void* recvbuff,
                                       const uint64_t* send_counts, const uint64_t* recv_counts,
                                       uint32_t peers, atollDataType_t datatype, atollComm_t comm,
                                       const atollOpOptions_t* options, atollOpInfo_t* info);

/* ---- Receiving from any peer ----------------------------------------------------------------- */

/* From whichever other peer of the view sends with this tag; `sender` of the info says who. To the
 * sender it is an atollRecv that names it: its send waits for it, with the same count and type, or
 * both end with atollMismatch.
 *   Order.   Each send is received once. Of several that wait, the one of which this peer heard
 *            first; those of one peer in the order in which it made them. Several calls on one tag
 *            may be in flight: the one that was made first gets the first send.
 *   Alone.   An atollRecv on a tag on which an atollRecvAny is in flight is atollInvalidUsage, and
 *            so is the other way round; neither uses up anything.
 *   Deaths.  When a peer dies, also in the middle of a send that this call has taken, it waits for
 *            another one. atollPeerLost only when no other peer is left.
 *   Ends.    A send that its peer ended (atollCancel, its deadline) before it was received ends the
 *            call that would have received it, in the same way. Cancelling a call that has taken no
 *            send, or its deadline or arrival_timeout_ms, ends that call alone.
 *   Updates. An atollUpdate ends when each send that was made before it has come to such a call;
 *            with more sends than calls it fails with atollMismatch. A call that is left over goes
 *            on, and takes the sends of the next view. */
ATOLL_API atollResult_t atollRecvAny(void* recvbuff, uint64_t count, atollDataType_t datatype,
                                     atollComm_t comm, const atollOpOptions_t* options,
                                     atollOpInfo_t* info);

/* ---- Async calls ---------------------------------------------------------------------------- */

ATOLL_API atollResult_t atollReduceScatterVAsync(const void* sendbuff, void* recvbuff,
                                                 const uint64_t* counts, uint32_t peers,
                                                 atollDataType_t datatype, atollRedOp_t op,
                                                 atollComm_t comm, const atollOpOptions_t* options,
                                                 atollRequest_t* request);
ATOLL_API atollResult_t atollAllGatherVAsync(const void* sendbuff, void* recvbuff,
                                             const uint64_t* counts, uint32_t peers,
                                             atollDataType_t datatype, atollComm_t comm,
                                             const atollOpOptions_t* options,
                                             atollRequest_t* request);
ATOLL_API atollResult_t atollGatherVAsync(const void* sendbuff, void* recvbuff,
                                          const uint64_t* counts, uint32_t peers,
                                          atollDataType_t datatype, uint64_t root,
                                          atollComm_t comm, const atollOpOptions_t* options,
                                          atollRequest_t* request);
ATOLL_API atollResult_t atollScatterVAsync(const void* sendbuff, void* recvbuff,
                                           const uint64_t* counts, uint32_t peers,
                                           atollDataType_t datatype, uint64_t root,
                                           atollComm_t comm, const atollOpOptions_t* options,
                                           atollRequest_t* request);
ATOLL_API atollResult_t atollAllToAllAsync(const void* sendbuff, void* recvbuff, uint64_t count,
                                           atollDataType_t datatype, atollComm_t comm,
                                           const atollOpOptions_t* options,
                                           atollRequest_t* request);
ATOLL_API atollResult_t atollAllToAllVAsync(const void* sendbuff, void* recvbuff,
                                            const uint64_t* send_counts,
                                            const uint64_t* recv_counts, uint32_t peers,
                                            atollDataType_t datatype, atollComm_t comm,
                                            const atollOpOptions_t* options,
                                            atollRequest_t* request);
ATOLL_API atollResult_t atollRecvAnyAsync(void* recvbuff, uint64_t count, atollDataType_t datatype,
                                          atollComm_t comm, const atollOpOptions_t* options,
                                          atollRequest_t* request);

#ifdef __cplusplus
}
#endif

#endif /* ATOLL_ATOLL_PARTS_H */
