// Looks after the corpora, which are kept as hexadecimal text.
//
//   corpus_tool write CORPUS          writes seeds made from typed values to CORPUS/TARGET/*.hex
//   corpus_tool unhex FOLDER BINARY   turns the *.hex of FOLDER into files that libFuzzer reads
//   corpus_tool hex BINARY FOLDER     turns files that libFuzzer found into *.hex in FOLDER
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "fuzz/hex_text.h"
#include "unit/wire/random_messages.h"
#include "wire/control.h"
#include "wire/control_framing.h"
#include "wire/frame.h"
#include "wire/hello.h"
#include "wire/snapshot_frame.h"

namespace atoll_core::fuzz {
namespace {

namespace fs = std::filesystem;
using wire::random_messages::one_of_each;
using wire::random_messages::Random;

constexpr uint64_t kSeed = 7;

void write_file(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

void write_seed(const fs::path& folder, std::string_view name, std::string_view bytes) {
  write_file(folder / fmt::format("{}.hex", name), to_hex_text(bytes));
}

// Of some messages of each kind the longest that is still short: it has parts of all sorts.
template <class Envelope>
void write_messages(const fs::path& folder) {
  constexpr int kDraws = 40;
  constexpr size_t kBytesMax = 1200;
  Random random(kSeed);
  std::map<std::string, std::string, std::less<>> seeds;
  for (int i = 0; i < kDraws; ++i) {
    for (const Envelope& message : one_of_each<Envelope>(random)) {
      const std::string bytes = wire::encode(message);
      std::string& best = seeds[std::string(wire::name_of(message))];
      if (bytes.size() > best.size() && bytes.size() <= kBytesMax) best = bytes;
    }
  }
  for (const auto& [name, bytes] : seeds) write_seed(folder, name, bytes);
}

// The first byte is for the target: bit 0 expects a preamble, the rest is the piece size less 1.
void write_streams(const fs::path& folder) {
  std::string messages;
  wire::append_framed(wire::encode(wire::ToCoordinator(wire::PeerHeartbeat{300})), messages);
  wire::append_framed(wire::encode(wire::ToCoordinator(wire::Leave{"done"})), messages);
  const std::string preamble(wire::kControlPreamble);
  write_seed(folder, "with_preamble", "\x05" + preamble + messages);
  write_seed(folder, "without_preamble", "\x0C" + messages);
  write_seed(folder, "cut_off", "\x01" + preamble + messages.substr(0, messages.size() - 3));
  write_seed(folder, "oversized", "\x01" + preamble + messages + "\xFF\xFF\xFF\xFF");
  write_seed(folder, "http", "\x01GET / HTTP/1.1\r\n\r\n");
}

void write_frames(const fs::path& folder) {
  Random random(kSeed);
  for (uint8_t kind = 1; kind <= 11; ++kind) {
    wire::FrameHeader header;
    header.kind = wire::FrameKind{kind};
    draw(random, header.attempt.op);
    draw(random, header.attempt.epoch);
    header.payload_bytes = static_cast<uint32_t>(random.number(1 << 20));
    draw_all(random, header.link_sequence, header.acknowledged, header.segment, header.step,
             header.element_count, header.element_offset, header.detail, header.fingerprint,
             header.payload_checksum);
    wire::FrameHeaderBytes bytes;
    wire::encode_frame_header(header, bytes);
    write_seed(folder, wire::to_string(header.kind), as_text(bytes));
  }
}

void write_hellos(const fs::path& folder) {
  Random random(kSeed);
  for (const auto role : {wire::HelloRole::kLink, wire::HelloRole::kProbe}) {
    wire::Hello hello;
    hello.role = role;
    hello.version_max = wire::kProtocolVersion + 1;
    hello.connection_index = 2;
    hello.connection_count = 8;
    draw_all(random, hello.session, hello.target_session, hello.peer, hello.target_peer, hello.run,
             hello.life, hello.bound_to);
    wire::HelloBytes bytes;
    wire::encode_hello(hello, bytes);
    write_seed(folder, role == wire::HelloRole::kLink ? "link" : "probe", as_text(bytes));
  }
}

void write_snapshots(const fs::path& folder) {
  write_seed(folder, "empty", wire::frame_snapshot(""));
  write_seed(folder, "short", wire::frame_snapshot("what a coordinator remembers"));
}

int write_all(const fs::path& corpus) {
  write_messages<wire::ToCoordinator>(corpus / "control_to_coordinator_fuzz");
  write_messages<wire::ToPeer>(corpus / "control_to_peer_fuzz");
  write_streams(corpus / "control_framing_fuzz");
  write_frames(corpus / "frame_header_fuzz");
  write_hellos(corpus / "hello_fuzz");
  write_snapshots(corpus / "snapshot_frame_fuzz");
  return 0;
}

int unhex(const fs::path& folder, const fs::path& binary) {
  for (const auto& file : fs::directory_iterator(folder)) {
    const auto bytes = from_hex_text(read_file(file.path().string()));
    if (!bytes) {
      fmt::print(stderr, "{}: not hexadecimal text\n", file.path().string());
      return 1;
    }
    write_file(binary / file.path().stem(),
               {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  }
  return 0;
}

int hex(const fs::path& binary, const fs::path& folder) {
  for (const auto& file : fs::directory_iterator(binary)) {
    write_seed(folder, file.path().filename().string(), read_file(file.path().string()));
  }
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const std::string command = arguments.empty() ? "" : arguments[0];
  if (command == "write" && arguments.size() == 2) return write_all(arguments[1]);
  if (command == "unhex" && arguments.size() == 3) return unhex(arguments[1], arguments[2]);
  if (command == "hex" && arguments.size() == 3) return hex(arguments[1], arguments[2]);
  fmt::print(stderr, "usage: corpus_tool write CORPUS | unhex FOLDER BINARY | hex BINARY FOLDER\n");
  return 2;
}

}  // namespace
}  // namespace atoll_core::fuzz

int main(int argc, char** argv) { return atoll_core::fuzz::run({argv + 1, argv + argc}); }
