// Values that only who has the key can tell, one for each pair of peers: the AES-128 encryption of
// their two ids, the lower one first (FIPS 197; one block, of 16 bytes). Ids are given by the
// coordinator and never twice in its life, so no peer can choose a pair that collides with another.
#pragma once

#include <memory>

#include "base/ids.h"

namespace atoll_core::crypto {

class PairTickets {
 public:
  PairTickets();  // draws a key; throws RandomFailure, also when OpenSSL has no AES
  ~PairTickets();
  PairTickets(PairTickets&&) noexcept;
  PairTickets& operator=(PairTickets&&) noexcept;

  // Never zero. The same for both orders.
  Ticket of(PeerId one, PeerId other) const;

 private:
  struct Cipher;
  std::unique_ptr<Cipher> cipher_;
};

}  // namespace atoll_core::crypto
