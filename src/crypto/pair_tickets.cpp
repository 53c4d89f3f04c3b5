#include "crypto/pair_tickets.h"

#include <algorithm>
#include <array>
#include <span>

#include <openssl/evp.h>

#include "crypto/random.h"

namespace atoll_core::crypto {

struct PairTickets::Cipher {
  Cipher() : context(EVP_CIPHER_CTX_new()) {}
  ~Cipher() { EVP_CIPHER_CTX_free(context); }
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  EVP_CIPHER_CTX* context;
};

PairTickets::PairTickets() : cipher_(std::make_unique<Cipher>()) {
  std::array<unsigned char, 16> key{};
  random_bytes(std::as_writable_bytes(std::span(key)));
  EVP_CIPHER_CTX* context = cipher_->context;
  const bool ready = context != nullptr &&
                     EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), nullptr, key.data(),
                                        nullptr) == 1 &&
                     EVP_CIPHER_CTX_set_padding(context, 0) == 1;
  if (!ready) throw RandomFailure("OpenSSL has no AES-128, of which the tickets of links are made");
}

PairTickets::~PairTickets() = default;
PairTickets::PairTickets(PairTickets&&) noexcept = default;
PairTickets& PairTickets::operator=(PairTickets&&) noexcept = default;

Ticket PairTickets::of(PeerId one, PeerId other) const {
  const auto [low, high] = std::minmax(one.value, other.value);
  const std::array<uint64_t, 2> pair{low, high};
  std::array<uint64_t, 2> block{};
  int written = 0;
  const int done = EVP_EncryptUpdate(cipher_->context, reinterpret_cast<unsigned char*>(&block),
                                     &written, reinterpret_cast<const unsigned char*>(&pair),
                                     sizeof(pair));
  if (done != 1 || written != sizeof(block)) throw RandomFailure("OpenSSL could not encrypt");
  return {block[0], std::max<uint64_t>(block[1], 1)};
}

}  // namespace atoll_core::crypto
