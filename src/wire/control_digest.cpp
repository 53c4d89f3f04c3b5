#include <algorithm>

#include <xxhash.h>

#include "wire/canonical_bytes.h"
#include "wire/control.h"

namespace atoll_core::wire {
namespace {

// Versions of the canonical forms; part of what is hashed.
constexpr std::string_view kViewForm = "atoll view 3";
constexpr std::string_view kLayoutForm = "atoll state 1";
constexpr std::string_view kCallForm = "atoll call 2";
constexpr std::string_view kPositionsForm = "atoll positions 1";

void append(const Epoch& epoch, CanonicalBytes& out) {
  out.number(epoch.incarnation.counter).number(epoch.incarnation.nonce).number(epoch.number);
}

void append(const PeerInfo& peer, CanonicalBytes& out) {
  out.number(peer.id.value).number(peer.session.high).number(peer.session.low);
  out.text(peer.name).text(peer.replica).number(peer.shard).number(peer.shard_count);
  out.number(peer.slot).number(peer.computer).number(peer.cpus);
  out.length(peer.endpoints.size());
  for (const Endpoint& endpoint : peer.endpoints) out.text(endpoint.host).number(endpoint.port);
}

void append(const topology::Plan& plan, CanonicalBytes& out) {
  out.length(plan.ring.size());
  for (const uint32_t member : plan.ring) out.number(member);
  out.length(plan.shares.size());
  for (const uint32_t share : plan.shares) out.number(share);
  out.number(plan.hub);
  out.number(plan.pipelining.chunk_bytes).number(plan.pipelining.segments_in_flight);
  out.length(plan.choices.size());
  for (const topology::Choice& choice : plan.choices) {
    out.number(choice.bytes_below).number(static_cast<uint8_t>(choice.algorithm));
  }
}

}  // namespace

ContentDigest view_digest(const View& view) {
  CanonicalBytes form;
  form.text(kViewForm);
  form.number(view.instance.high).number(view.instance.low);
  append(view.epoch, form);
  append(view.generation.first, form);
  form.length(view.slots.size());
  for (const PeerId peer : view.slots) form.number(peer.value);
  form.length(view.members.size());
  for (const PeerInfo& member : view.members) append(member, form);
  append(view.plan, form);
  const XXH128_hash_t hash = XXH3_128bits(form.bytes().data(), form.bytes().size());
  return {hash.high64, hash.low64};
}

std::vector<GroupPositions> summary_of(std::vector<CallPosition> positions) {
  std::erase_if(positions, [](const CallPosition& one) { return one.next_sequence == 0; });
  std::sort(positions.begin(), positions.end());
  std::vector<GroupPositions> groups;
  for (auto first = positions.begin(); first != positions.end();) {
    const auto last = std::find_if(first, positions.end(), [first](const CallPosition& one) {
      return one.group != first->group;
    });
    CanonicalBytes form;
    form.text(kPositionsForm);
    for (auto one = first; one != last; ++one) form.number(one->tag).number(one->next_sequence);
    const XXH128_hash_t hash = XXH3_128bits(form.bytes().data(), form.bytes().size());
    groups.push_back({first->group, static_cast<uint64_t>(last - first),
                      {hash.high64, hash.low64}});
    first = last;
  }
  return groups;
}

uint64_t state_layout(const std::vector<TensorSummary>& tensors) {
  CanonicalBytes form;
  form.text(kLayoutForm);
  form.length(tensors.size());
  for (const TensorSummary& tensor : tensors) {
    form.text(tensor.name).number(static_cast<uint8_t>(tensor.type)).number(tensor.count);
  }
  return XXH3_64bits(form.bytes().data(), form.bytes().size());
}

uint64_t fingerprint(const CallDescription& call) {
  CanonicalBytes form;
  form.text(kCallForm);
  form.number(static_cast<uint8_t>(call.kind));
  form.number(static_cast<uint8_t>(call.type));
  form.number(static_cast<uint8_t>(call.reduce));
  form.number(call.count).number(call.tensors).number(call.layout.high).number(call.layout.low);
  form.number(call.algorithm).number(call.codec).number(call.root.value);
  form.number(static_cast<uint8_t>(call.retry)).number(static_cast<uint8_t>(call.keep));
  const uint64_t hash = XXH3_64bits(form.bytes().data(), form.bytes().size());
  return hash == 0 ? 1 : hash;
}

}  // namespace atoll_core::wire
