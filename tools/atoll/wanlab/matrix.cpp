#include "tools/atoll/wanlab/matrix.h"

#include <charconv>
#include <sstream>
#include <vector>

#include "tools/atoll/duration.h"
#include "tools/atoll/wanlab/quantities.h"

namespace atoll_cli {
namespace {

using Words = std::vector<std::string>;

// Which nodes a word stands for; empty when none. `*` is all peers.
std::vector<unsigned> nodes_of(const std::string& word, const NetworkSettings& network) {
  if (word == "coordinator") return {kCoordinatorNode};
  std::vector<unsigned> nodes;
  if (word == "*") {
    for (unsigned peer = 1; peer <= network.peers(); ++peer) nodes.push_back(peer);
    return nodes;
  }
  unsigned peer = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), peer);
  const bool whole = error == std::errc() && end == word.data() + word.size();
  if (whole && peer >= 1 && peer <= network.peers()) nodes.push_back(peer);
  return nodes;
}

std::string no_node(const std::string& word, const NetworkSettings& network) {
  return "'" + word + "' is neither a peer from 1 to " + std::to_string(network.peers()) +
         " nor 'coordinator' nor '*'";
}

template <class Value>
std::string store(const std::optional<Value>& parsed, const std::string& word, const char* example,
                  auto& value) {
  if (!parsed) return "'" + word + "' is not like " + example;
  value = *parsed;
  return "";
}

// Reads "KEY VALUE" at `at`; returns a complaint.
std::string set_path(const Words& words, size_t at, PathSettings& path) {
  const std::string& key = words[at];
  if (at + 1 >= words.size()) return "'" + key + "' has no value";
  const std::string& value = words[at + 1];
  if (key == "rate") return store(parse_rate(value), value, "100mbit", path.rate);
  if (key == "delay") return store(parse_duration(value), value, "40ms", path.delay);
  if (key == "jitter") return store(parse_duration(value), value, "2ms", path.jitter);
  if (key == "loss") return store(parse_percentage(value), value, "0.05%", path.loss);
  if (key == "queue") return store(parse_duration(value), value, "50ms", path.queue);
  return "a path has no '" + key + "': rate, delay, jitter, loss, queue or cut";
}

std::string set_host(const Words& words, size_t at, HostSettings& host) {
  const std::string& key = words[at];
  if (at + 1 >= words.size()) return "'" + key + "' has no value";
  const std::string& value = words[at + 1];
  if (key == "up") return store(parse_rate(value), value, "20mbit", host.up);
  if (key == "down") return store(parse_rate(value), value, "100mbit", host.down);
  if (key == "queue") return store(parse_duration(value), value, "50ms", host.queue);
  if (key == "rate") {
    const std::string problem = store(parse_rate(value), value, "100mbit", host.up);
    host.down = host.up;
    return problem;
  }
  return "a host has no '" + key + "': rate, up, down or queue";
}

std::string set_path_line(const Words& words, PathSettings& path) {
  path.cut = words[3] == "cut";
  if (path.cut) return words.size() == 4 ? "" : "nothing can follow 'cut'";
  for (size_t at = 3; at < words.size(); at += 2) {
    const std::string problem = set_path(words, at, path);
    if (!problem.empty()) return problem;
  }
  return "";
}

std::string apply_path(const Words& words, NetworkSettings& network) {
  if (words.size() < 4) return "a path is FROM -> TO and what it is like";
  const bool both = words[1] == "<->";
  if (words[1] != "->" && !both) return "'" + words[1] + "' is neither -> nor <->";
  const auto senders = nodes_of(words[0], network);
  const auto receivers = nodes_of(words[2], network);
  if (senders.empty()) return no_node(words[0], network);
  if (receivers.empty()) return no_node(words[2], network);
  for (const unsigned from : senders) {
    for (const unsigned to : receivers) {
      if (from == to && (senders.size() > 1 || receivers.size() > 1)) continue;
      if (from == to) return "a path leads from one node to another";
      std::string problem = set_path_line(words, network.path(from, to));
      if (problem.empty() && both) problem = set_path_line(words, network.path(to, from));
      if (!problem.empty()) return problem;
    }
  }
  return "";
}

std::string apply_host(const Words& words, NetworkSettings& network) {
  if (words.size() < 4) return "a host is 'host', a peer and its rates";
  const auto nodes = nodes_of(words[1], network);
  if (nodes.empty()) return no_node(words[1], network);
  for (const unsigned node : nodes) {
    for (size_t at = 2; at < words.size(); at += 2) {
      const std::string problem = set_host(words, at, network.host(node));
      if (!problem.empty()) return problem;
    }
  }
  return "";
}

}  // namespace

std::string apply_matrix(const std::string& text, NetworkSettings& network) {
  std::istringstream lines(text);
  std::string line;
  for (unsigned number = 1; std::getline(lines, line); ++number) {
    std::istringstream stream(line.substr(0, line.find('#')));
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty()) continue;
    const std::string problem =
        words[0] == "host" ? apply_host(words, network) : apply_path(words, network);
    if (!problem.empty()) return "line " + std::to_string(number) + ": " + problem;
  }
  return "";
}

}  // namespace atoll_cli
