#include "fuzz/one_engine.h"

namespace atoll_core::fuzz {
namespace {

std::vector<wire::PeerInfo> make_peers() {
  std::vector<wire::PeerInfo> peers(OneEngine::kPeers);
  for (size_t i = 0; i < peers.size(); ++i) {
    wire::PeerInfo& info = peers[i];
    info.id = {(uint64_t{1} << 32) + i + 1};
    info.session = {7, i + 1};
    info.name = info.replica = std::string(1, static_cast<char>('a' + i));
    info.endpoints = {{"10.0.0.1", static_cast<uint16_t>(1 + i)}};
  }
  return peers;
}

engine::EngineConfig configuration(Choices& choices) {
  engine::EngineConfig config;
  config.membership.run = "run";
  config.membership.self = make_peers().front();
  config.membership.self.id = {};
  config.membership.coordinators = static_cast<uint32_t>(1 + choices.below(2));
  config.connections_per_link = static_cast<uint32_t>(choices.below(3));
  config.chunk_bytes = 4u << 10;
  return config;
}

}  // namespace

OneEngine::OneEngine(const uint8_t* data, size_t size)
    : choices(data, size), engine(configuration(choices)) {
  truth.peers = truth.members = make_peers();
}

}  // namespace atoll_core::fuzz
