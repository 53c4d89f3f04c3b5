#include "tools/atoll/wanlab/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "tools/atoll/stress/process.h"

namespace atoll_cli {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr Nanoseconds kForEver{-1};
constexpr Nanoseconds kCoordinatorStart = seconds(20);
constexpr Nanoseconds kGrace = seconds(5);  // from SIGTERM to SIGKILL
constexpr unsigned kCoordinatorPort = 7700;

std::vector<Node> make_nodes(const WanlabOptions& options) {
  std::vector<Node> nodes;
  NodeSettings settings;
  settings.mtu = options.mtu;
  settings.congestion = options.congestion;
  settings.ipv6 = kernel_has_ipv6();
  for (unsigned node = 0; node <= options.peers; ++node) {
    settings.node = node;
    nodes.emplace_back(settings);
  }
  return nodes;
}

std::vector<int> tuns_of(const std::vector<Node>& nodes) {
  std::vector<int> tuns;
  for (const Node& node : nodes) tuns.push_back(node.tun());
  return tuns;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

int open_log(const std::string& folder, const std::string& name) {
  std::string file = name;
  std::replace(file.begin(), file.end(), ' ', '-');
  const std::string path = folder + "/" + file + ".log";
  const int log = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
  return log;
}

}  // namespace

WanlabRun::WanlabRun(const WanlabOptions& options, const NetworkSettings& settings)
    : options_(options),
      nodes_(make_nodes(options)),
      guard_(std::make_unique<Guard>(nodes_)),
      emulator_(EmulatedNetwork(settings, options.seed, options.reorder), tuns_of(nodes_)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

WanlabRun::~WanlabRun() {
  end_all();
  emulator_.stop();
  guard_.reset();  // before the namespaces' numbers can be given to others
  for (const int log : logs_) ::close(log);
  ::close(wake_);
}

void WanlabRun::stop() {
  stop_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

WanlabReport WanlabRun::run() {
  if (!options_.log_dir.empty()) std::filesystem::create_directories(options_.log_dir);
  emulator_.start();
  if (options_.coordinator) start_coordinator();
  const auto begin = Clock::now();
  if (!stop_) start_peers();
  wait_for_peers();
  WanlabReport report;
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  end_all();
  emulator_.stop();
  report.passed = problem_.empty() && peers_.size() == options_.peers;
  for (const Running& peer : peers_) {
    report.exits.push_back(peer.child->ended());
    if (report.exits.back() != 0) report.passed = false;
  }
  for (const Node& node : nodes_) report.unread_drops.push_back(node.unread_drops());
  if (!problem_.empty()) std::fprintf(stderr, "atoll wanlab: %s\n", problem_.c_str());
  return report;
}

unsigned WanlabRun::coordinator_node() const {
  return options_.coordinator_at > 0 ? options_.coordinator_at : kCoordinatorNode;
}

std::string WanlabRun::coordinator_address() const {
  return ipv4_of(coordinator_node()) + ":" + std::to_string(kCoordinatorPort);
}

WanlabRun::Running WanlabRun::start(unsigned node, const ChildSettings& child) {
  // Standard output is for what the commands print there.
  int output = node == kCoordinatorNode ? STDERR_FILENO : STDOUT_FILENO, error = STDERR_FILENO;
  std::string prefix = node_name(node) + " | ";
  if (!options_.log_dir.empty()) {
    logs_.push_back(open_log(options_.log_dir, node_name(node)));
    output = error = logs_.back();
    prefix.clear();
  }
  return {std::make_unique<Child>(child), OutputRelay(prefix, output), OutputRelay(prefix, error)};
}

void WanlabRun::start_coordinator() {
  const unsigned replicas = options_.min_replicas > 0 ? options_.min_replicas : options_.peers;
  ChildSettings child;
  child.words = {"atoll",      "coordinator", "--listen",      coordinator_address(),
                 "--insecure", "--new-run",   "--min-replicas", std::to_string(replicas)};
  if (std::getenv("ATOLL_LOG") == nullptr) child.environment = {{"ATOLL_LOG", "warn"}};
  child.name_space = nodes_[coordinator_node()].name_space();
  coordinator_.emplace(start(kCoordinatorNode, child));
  wait_for_coordinator();
}

// It listens when it says its first line.
void WanlabRun::wait_for_coordinator() {
  pollfd line{coordinator_->child->output(), POLLIN, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kCoordinatorStart);
  const int count = ::poll(&line, 1, static_cast<int>(limit.count()));
  if (count > 0 && (line.revents & POLLIN) != 0) return;
  pump(*coordinator_);
  throw std::runtime_error("the coordinator did not start");
}

void WanlabRun::start_peers() {
  for (unsigned peer = 1; peer <= options_.peers; ++peer) {
    ChildSettings child;
    child.words = options_.command;
    const std::string number = std::to_string(peer), peers = std::to_string(options_.peers);
    for (std::string& word : child.words) {
      replace_all(word, "{coordinator}", coordinator_address());
      replace_all(word, "{address}", ipv4_of(peer));
      replace_all(word, "{peer}", number);
      replace_all(word, "{peers}", peers);
    }
    child.program = child.words[0];
    child.environment = {{"ATOLL_WANLAB_PEER", number},
                         {"ATOLL_WANLAB_PEERS", peers},
                         {"ATOLL_WANLAB_ADDRESS", ipv4_of(peer)}};
    if (kernel_has_ipv6()) child.environment.emplace_back("ATOLL_WANLAB_ADDRESS6", ipv6_of(peer));
    if (options_.coordinator) {
      child.environment.emplace_back("ATOLL_COORDINATOR", coordinator_address());
    }
    child.name_space = nodes_[peer].name_space();
    peers_.push_back(start(peer, child));
  }
}

bool WanlabRun::any_runs(bool with_coordinator) {
  if (with_coordinator && coordinator_ && !coordinator_->child->ended()) return true;
  return std::any_of(peers_.begin(), peers_.end(),
                     [](const Running& peer) { return !peer.child->ended(); });
}

void WanlabRun::wait_for_peers() {
  const bool limited = options_.timeout > Nanoseconds(0);
  const auto deadline = Clock::now() + options_.timeout;
  while (!stop_ && any_runs(false)) {
    const Nanoseconds left = limited ? Nanoseconds(deadline - Clock::now()) : kForEver;
    if (limited && left <= Nanoseconds(0)) {
      problem_ = "the commands did not end within --timeout";
      return;
    }
    if (coordinator_ && coordinator_->child->ended()) {
      problem_ = "the coordinator ended: " + describe_exit(*coordinator_->child->ended());
      return;
    }
    poll_once(left);
  }
  if (stop_) problem_ = "interrupted";
}

void WanlabRun::wait_until_ended(Nanoseconds limit, bool with_coordinator) {
  const auto deadline = Clock::now() + limit;
  while (any_runs(with_coordinator)) {
    const Nanoseconds left = deadline - Clock::now();
    if (left <= Nanoseconds(0)) return;
    poll_once(left);
  }
}

// Peers first, so that they can still leave the run in order.
void WanlabRun::end_all() {
  for (Running& peer : peers_) peer.child->signal_group(SIGTERM);
  wait_until_ended(kGrace, false);
  if (coordinator_) coordinator_->child->signal_group(SIGTERM);
  wait_until_ended(kGrace, true);
  std::vector<std::string> links;
  for (const Node& node : nodes_) links.push_back(node.name_space_link());
  end_processes_in(links);  // also what a command has left behind
  wait_until_ended(kGrace, true);
  flush_output();
}

void WanlabRun::poll_once(Nanoseconds limit) {
  std::vector<pollfd> files = {{stop_ ? -1 : wake_, POLLIN, 0}};
  const auto add = [&files](const Running& running) {
    for (const int file : {running.child->output(), running.child->error(),
                           running.child->ended_event()}) {
      files.push_back({file, POLLIN, 0});
    }
  };
  if (coordinator_) add(*coordinator_);
  for (const Running& peer : peers_) add(peer);
  int milliseconds = -1;
  if (limit >= Nanoseconds(0)) {
    constexpr int64_t kHour = 3'600'000;
    milliseconds = static_cast<int>(std::min(limit.count() / 1'000'000 + 1, kHour));
  }
  ::poll(files.data(), files.size(), milliseconds);
  if (coordinator_) pump(*coordinator_);
  for (Running& peer : peers_) pump(peer);
}

void WanlabRun::pump(Running& running) {
  Child& child = *running.child;
  if (child.output() >= 0 && !running.output.pump(child.output())) {
    running.output.flush();
    child.close_output();
  }
  if (child.error() >= 0 && !running.error.pump(child.error())) {
    running.error.flush();
    child.close_error();
  }
  child.reap();
}

void WanlabRun::flush_output() {
  const auto finish = [this](Running& running) {
    pump(running);
    running.output.flush();
    running.error.flush();
  };
  if (coordinator_) finish(*coordinator_);
  for (Running& peer : peers_) finish(peer);
}

}  // namespace atoll_cli
