// Runs a fuzz target over its corpus without libFuzzer: every entry as it is, and mutations of it
// that are the same in every run.
//
//   TARGET [--mutations=N] FOLDER...
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "fuzz/hex_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace atoll_core::fuzz {
namespace {

using Input = std::vector<uint8_t>;
namespace fs = std::filesystem;

constexpr int kMutationsByDefault = 2000;

// Small damage of the kinds that decoders get wrong.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // Three in four keep the size: where parts are nested, a byte more or less spoils all lengths
  // around it, and what comes after them is never reached.
  Input mutate(Input input) {
    if (input.empty()) input.push_back(static_cast<uint8_t>(random_()));
    const bool keep_size = below(4) != 0;
    const size_t changes = keep_size ? 1 + below(2) : 1 + below(4);
    for (size_t i = 0; i < changes; ++i) {
      keep_size ? change_byte(*somewhere(input)) : change_size(input);
    }
    return input;
  }

 private:
  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }
  Input::iterator somewhere(Input& input) {
    return input.begin() + static_cast<std::ptrdiff_t>(below(input.size()));
  }

  uint8_t edge() {
    constexpr std::array<uint8_t, 8> kEdges = {0x00, 0x01, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x20};
    return kEdges[below(kEdges.size())];
  }

  void change_byte(uint8_t& byte) {
    switch (below(3)) {
      case 0: byte = static_cast<uint8_t>(byte ^ (1u << below(8))); break;
      case 1: byte = static_cast<uint8_t>(random_()); break;
      default: byte = edge(); break;
    }
  }

  void change_size(Input& input) {
    if (input.empty()) input.push_back(edge());
    switch (below(4)) {
      case 0: input.insert(somewhere(input), edge()); break;
      case 1: input.erase(somewhere(input)); break;
      case 2: input.resize(below(input.size() + 1)); break;
      default: duplicate_slice(input); break;
    }
  }

  void duplicate_slice(Input& input) {
    const size_t begin = below(input.size());
    const size_t size = 1 + below(std::min<size_t>(input.size() - begin, 64));
    const std::span<const uint8_t> slice(input.data() + begin, size);
    const Input copy(slice.begin(), slice.end());
    input.insert(somewhere(input), copy.begin(), copy.end());
  }

  std::mt19937_64 random_;
};

// False, with a sentence and the input, when the target throws.
bool run(const Input& input, const std::string& what) {
  try {
    // An exact copy on the heap, so that AddressSanitizer sees a read past the end.
    const Input exact(input.begin(), input.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    return true;
  } catch (const std::exception& error) {
    const std::string_view bytes(reinterpret_cast<const char*>(input.data()), input.size());
    fmt::print(stderr, "{}: {}\n{}\n", what, error.what(), to_hex_text(bytes));
    return false;
  }
}

bool replay(const fs::path& path, int mutations) {
  const auto entry = from_hex_text(read_file(path.string()));
  if (!entry) {
    fmt::print(stderr, "{}: not hexadecimal text\n", path.string());
    return false;
  }
  fmt::print("{}: {} bytes\n", path.filename().string(), entry->size());
  bool passed = run(*entry, path.string());
  Mutator mutator(entry->size());
  for (int i = 0; i < mutations && passed; ++i) {
    passed = run(mutator.mutate(*entry), fmt::format("{}, mutation {}", path.string(), i));
  }
  return passed;
}

int replay_all(const std::vector<std::string>& folders, int mutations) {
  std::vector<fs::path> entries;
  for (const std::string& folder : folders) {
    for (const auto& file : fs::directory_iterator(folder)) {
      if (file.path().extension() == ".hex") entries.push_back(file.path());
    }
  }
  std::sort(entries.begin(), entries.end());
  bool passed = !entries.empty();
  for (const fs::path& entry : entries) passed = replay(entry, mutations) && passed;
  fmt::print("{} entries, {} mutations each: {}\n", entries.size(), mutations,
             passed ? "passed" : "failed");
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace atoll_core::fuzz

int main(int argc, char** argv) {
  constexpr std::string_view kOption = "--mutations=";
  int mutations = atoll_core::fuzz::kMutationsByDefault;
  std::vector<std::string> folders;
  for (const std::string argument : std::span(argv + 1, static_cast<size_t>(argc - 1))) {
    if (argument.starts_with(kOption)) {
      mutations = std::stoi(argument.substr(kOption.size()));
    } else {
      folders.push_back(argument);
    }
  }
  return atoll_core::fuzz::replay_all(folders, mutations);
}
