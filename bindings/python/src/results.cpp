#include "src/results.h"

#include <algorithm>
#include <utility>

namespace atoll_python {
namespace {

py::object peer(uint64_t id) { return hooks().peer_id(id); }

// Of the range whose contributors are those from here on.
py::tuple ids_of(const OpInfo& op, size_t first, size_t count) {
  py::list ids;
  for (size_t i = first; i < std::min(first + count, op.ids.size()); ++i) {
    ids.append(peer(op.ids[i]));
  }
  return py::tuple(ids);
}

py::tuple weights_of(const OpInfo& op, size_t first, size_t count) {
  py::list weights;
  for (size_t i = first; i < std::min(first + count, op.weights.size()); ++i) {
    weights.append(op.weights[i]);
  }
  return py::tuple(weights);
}

py::tuple ranges_of(const OpInfo& op) {
  py::list ranges;
  const size_t count = std::min<size_t>(op.ranges.size(), op.info.range_count);
  for (size_t i = 0; i < count; ++i) {
    const atollOpRange_t& range = op.ranges[i];
    ranges.append(py::make_tuple(range.end,
                                 ids_of(op, range.first_contributor, range.contributors),
                                 range.total_weight));
  }
  return py::tuple(ranges);
}

void bind_op_info(py::module_& module) {
  const auto seconds = [](const OpInfo& op) {
    return static_cast<double>(op.info.duration_us) / 1e6;
  };
  py::class_<OpInfo>(module, "OpInfo",
                     "How a collective call went. The same contributors, weights and ranges on "
                     "all peers (atollOpInfo_t).")
      .def_property_readonly("contributors", [](const OpInfo& op) { return op.info.contributors; },
                             "Number of peers whose input is in the result.")
      .def_property_readonly("contributor_ids",
                             [](const OpInfo& op) { return ids_of(op, 0, op.info.contributors); },
                             "Their ids, in the order of the view.")
      .def_property_readonly(
          "contributor_weights",
          [](const OpInfo& op) { return weights_of(op, 0, op.info.contributors); },
          "What each of contributor_ids counted in a mean.")
      .def_property_readonly("total_weight", [](const OpInfo& op) { return op.info.total_weight; },
                             "The sum of those; 0 when the arrays are empty.")
      .def_property_readonly("attempts", [](const OpInfo& op) { return op.info.attempts; },
                             "1 when nobody died during the call.")
      .def_property_readonly("bytes_sent", [](const OpInfo& op) { return op.info.bytes_sent; },
                             "Payload, of all attempts.")
      .def_property_readonly("bytes_received",
                             [](const OpInfo& op) { return op.info.bytes_received; },
                             "Payload, of all attempts.")
      .def_property_readonly("duration", seconds, "From the call to its outcome, in seconds.")
      .def_property_readonly("ranges", &ranges_of,
                             "(end, contributor ids, total weight) of each range of elements; more "
                             "than one only with keep_segments=True.")
      .def("__repr__", [seconds](const OpInfo& op) {
        return "OpInfo(contributors=" + std::to_string(op.info.contributors) +
               ", attempts=" + std::to_string(op.info.attempts) +
               ", duration=" + std::to_string(seconds(op)) + ")";
      });
}

void bind_view(py::module_& module) {
  py::class_<atollView_t>(module, "View", "The peers that are in at one time (atollView_t).")
      .def_readonly("incarnation", &atollView_t::incarnation,
                    "With epoch it names the view.")
      .def_readonly("epoch", &atollView_t::epoch, "Counts up with each view.")
      .def_readonly("generation", &atollView_t::generation,
                    "Epoch of the last update that let peers in or followed a loss.")
      .def_property_readonly("peer", [](const atollView_t& view) { return peer(view.peer); },
                             "This peer's id.")
      .def_readonly("rank", &atollView_t::rank, "This peer's place, 0 to world - 1.")
      .def_readonly("world", &atollView_t::world, "Number of peers.")
      .def_readonly("replica_rank", &atollView_t::replica_rank, "Its replica's place.")
      .def_readonly("replicas", &atollView_t::replicas, "Number of replicas.")
      .def_readonly("joined", &atollView_t::joined,
                    "Peers that are new since this peer's last update, itself among them.")
      .def_readonly("lost", &atollView_t::lost, "Peers that are gone since then.")
      .def("__repr__", [](const atollView_t& view) {
        return "View(rank=" + std::to_string(view.rank) + ", world=" + std::to_string(view.world) +
               ", replicas=" + std::to_string(view.replicas) +
               ", joined=" + std::to_string(view.joined) + ", lost=" + std::to_string(view.lost) +
               ", epoch=" + std::to_string(view.epoch) + ")";
      });
}

void bind_sync_info(py::module_& module) {
  using Info = atollSyncInfo_t;
  py::class_<Info>(module, "SyncInfo", "How a sync of the shared state went (atollSyncInfo_t).")
      .def_readonly("revision", &Info::revision, "What all members now hold.")
      .def_property_readonly(
          "digest",
          [](const Info& info) {
            const py::int_ high(info.digest_high), low(info.digest_low);
            return py::int_((high << py::int_(64)) | low);
          },
          "XXH3-128 of the content, the same on all.")
      .def_readonly("bytes_received", &Info::bytes_received,
                    "0 when this peer held the elected content.")
      .def_readonly("bytes_sent", &Info::bytes_sent, "To peers that differed.")
      .def_readonly("tensors_received", &Info::tensors_received,
                    "Tensors of which any byte differed.")
      .def_readonly("attempts", &Info::attempts, "1 when nobody died during it.")
      .def_property_readonly(
          "duration", [](const Info& info) { return static_cast<double>(info.duration_us) / 1e6; },
          "In seconds.")
      .def("__repr__", [](const Info& info) {
        return "SyncInfo(revision=" + std::to_string(info.revision) +
               ", bytes_received=" + std::to_string(info.bytes_received) + ")";
      });
}

void bind_diloco_info(py::module_& module) {
  using Info = atollDilocoInfo_t;
  py::class_<Info>(module, "DilocoInfo", "How an outer step went (atollDilocoInfo_t).")
      .def_readonly("round", &Info::round, "Outer steps taken by the run.")
      .def_readonly("contributors", &Info::contributors, "Replicas in the mean.")
      .def_readonly("attempts", &Info::attempts, "1 when nobody died during it.")
      .def_readonly("pseudo_gradient_norm", &Info::pseudo_gradient_norm,
                    "Euclidean norm of the mean pseudo-gradient.")
      .def_readonly("bytes_sent", &Info::bytes_sent, "Payload.")
      .def_readonly("bytes_received", &Info::bytes_received, "Payload.")
      .def_property_readonly(
          "duration", [](const Info& info) { return static_cast<double>(info.duration_us) / 1e6; },
          "In seconds.")
      .def("__repr__", [](const Info& info) {
        return "DilocoInfo(round=" + std::to_string(info.round) +
               ", contributors=" + std::to_string(info.contributors) + ")";
      });
}

}  // namespace

py::object to_python(Results& results) {
  if (results.op) return py::cast(*results.op);
  if (results.view) return py::cast(*results.view);
  if (results.sync) return py::cast(*results.sync);
  if (results.diloco) return py::cast(*results.diloco);
  return py::none();
}

void bind_results(py::module_& module) {
  bind_op_info(module);
  bind_view(module);
  bind_sync_info(module);
  bind_diloco_info(module);
}

}  // namespace atoll_python
