// The collective calls: arrays in, a request out.
#include <string>
#include <utility>

#include "src/comm.h"

namespace atoll_python {
namespace {

using Use = Lent::Use;

Lent& lend(Call& call, py::handle object, const std::string& what, Use use,
           const Options& options) {
  call.lent.push_back(std::make_unique<Lent>(object, what, use, options.dense));
  return *call.lent.back();
}

// As bool has no arithmetic of its own: the sum of truths is whether any is true.
atollRedOp_t operation(int op, const Element& element, const char* function) {
  if (!element.boolean) return static_cast<atollRedOp_t>(op);
  switch (op) {
    case atollSum:
    case atollMax: return atollMax;
    case atollProd:
    case atollMin: return atollMin;
    default:
      refuse(atollInvalidArgument, std::string(function) + ": there is no mean of bool elements; "
             "op=\"sum\" tells whether any is true, op=\"min\" whether all are");
  }
}

void require_same_type(const Lent& one, const Lent& other, const char* function) {
  if (one.array().element() == other.array().element()) return;
  refuse(atollInvalidArgument, std::string(function) + ": the arrays have elements of different "
         "types, " + name_of(one.array().element()) + " and " + name_of(other.array().element()));
}

void require_count(const Lent& big, uint64_t count, const char* function, const std::string& why) {
  if (big.count() == count) return;
  refuse(atollInvalidArgument, std::string(function) + ": an array of shape " +
         big.array().shape_text() + " has " + std::to_string(big.count()) + " elements, not " +
         std::to_string(count) + why);
}

// A number for the order in memory of all arrays of a call.
uint64_t layout_of(const Call& call) {
  uint64_t number = 0;
  for (const auto& lent : call.lent) number = number * 1099511628211u + lent->order();
  return number;
}

template <class Begin>
py::object run(const Comm& comm, const CallPointer& call, Options& options, Begin&& begin) {
  options.c.layout = layout_of(*call);
  const bool with_ranges = (options.c.flags & ATOLL_KEEP_COMPLETED_SEGMENTS) != 0;
  call->results.op = comm.room_for_info(with_ranges);
  call->start(std::forward<Begin>(begin));
  return waited_or_work(call, options.wait);
}

bool is_batch(py::handle object) {
  return PyList_Check(object.ptr()) || PyTuple_Check(object.ptr());
}

// The tensors of a batch, which may be one array; `outs` is None where they are changed in place.
std::vector<atollTensor_t> lend_tensors(Call& call, py::handle ins, py::handle outs,
                                        const Options& options) {
  const char* const function = "all_reduce";
  std::vector<atollTensor_t> tensors;
  const auto add = [&](py::handle in, py::handle out, const std::string& index) {
    const bool in_place = out.is_none() || out.is(in);
    const Lent& source = lend(call, in, "all_reduce: tensor" + index,
                              in_place ? Use::kTarget : Use::kSource, options);
    const Lent& target =
        in_place ? source : lend(call, out, "all_reduce: out" + index, Use::kTarget, options);
    if (!in_place) {
      require_same_type(source, target, function);
      require_count(target, source.count(), function, " as the input");
    }
    if (!tensors.empty()) require_same_type(*call.lent.front(), source, function);
    tensors.push_back({source.data(), target.data(), source.count()});
  };
  if (!is_batch(ins)) {
    add(ins, outs, "");
    return tensors;
  }
  const auto inputs = py::reinterpret_borrow<py::sequence>(ins);
  if (!outs.is_none() && (!is_batch(outs) || py::len(outs) != inputs.size())) {
    refuse(atollInvalidArgument, "all_reduce: out is not a list of as many arrays as the input");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    py::object out = py::none();
    if (!outs.is_none()) out = outs[py::int_(i)];
    add(inputs[i], out, "[" + std::to_string(i) + "]");
  }
  return tensors;
}

py::object all_reduce(const Comm& comm, py::handle tensor, py::handle out, int op,
                      const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const auto tensors = lend_tensors(*call, tensor, out, options);
  const Element element =
      call->lent.empty() ? Element{atollFloat32, false, 4} : call->lent[0]->array().element();
  const atollRedOp_t reduce = operation(op, element, "all_reduce");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    if (tensors.size() == 1) {
      return atollAllReduceAsync(tensors[0].sendbuff, tensors[0].recvbuff, tensors[0].count,
                                 element.type, reduce, handle, &options.c, request);
    }
    return atollAllReduceBatchAsync(tensors.data(), static_cast<uint32_t>(tensors.size()),
                                    element.type, reduce, handle, &options.c, request);
  });
}

py::object broadcast(const Comm& comm, py::handle tensor, py::handle root,
                     const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const Lent& lent = lend(*call, tensor, "broadcast: tensor", Use::kTarget, options);
  const uint64_t from = comm.peer_id(root, "root");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollBroadcastAsync(lent.data(), lent.data(), lent.count(),
                               lent.array().element().type, from, handle, &options.c, request);
  });
}

std::string block_sentence(uint64_t blocks, uint64_t count) {
  return " (" + std::to_string(blocks) + " blocks of " + std::to_string(count) + ")";
}

// The array that is one block, and the one that is all.
void require_blocks(const Comm& comm, const Options& options, const Lent& block, const Lent& all,
                    const char* function) {
  require_same_type(block, all, function);
  const uint64_t blocks = comm.blocks(options.c.group);
  require_count(all, blocks * block.count(), function, block_sentence(blocks, block.count()));
}

py::object reduce_scatter(const Comm& comm, py::handle tensor, py::handle out, int op,
                          const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const Lent& source = lend(*call, tensor, "reduce_scatter: tensor", Use::kSource, options);
  const Lent& target = lend(*call, out, "reduce_scatter: out", Use::kTarget, options);
  require_blocks(comm, options, target, source, "reduce_scatter");
  const Element element = source.array().element();
  const atollRedOp_t reduce = operation(op, element, "reduce_scatter");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollReduceScatterAsync(source.data(), target.data(), target.count(), element.type,
                                   reduce, handle, &options.c, request);
  });
}

py::object all_gather(const Comm& comm, py::handle tensor, py::handle out,
                      const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const Lent& source = lend(*call, tensor, "all_gather: tensor", Use::kSource, options);
  const Lent& target = lend(*call, out, "all_gather: out", Use::kTarget, options);
  require_blocks(comm, options, source, target, "all_gather");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollAllGatherAsync(source.data(), target.data(), source.count(),
                               source.array().element().type, handle, &options.c, request);
  });
}

bool is_self(const Comm& comm, uint64_t peer) {
  const auto& view = comm.handle()->view;
  return view && view->peer == peer;
}

py::object reduce(const Comm& comm, py::handle tensor, py::handle out, int op, py::handle root,
                  const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const uint64_t to = comm.peer_id(root, "root");
  const bool in_place = is_self(comm, to) && out.is_none();
  const Lent& source = lend(*call, tensor, "reduce: tensor",
                            in_place ? Use::kTarget : Use::kSource, options);
  std::byte* target = in_place ? source.data() : nullptr;
  if (is_self(comm, to) && !in_place) {
    const Lent& lent = lend(*call, out, "reduce: out", Use::kTarget, options);
    require_same_type(source, lent, "reduce");
    require_count(lent, source.count(), "reduce", " as the input");
    target = lent.data();
  }
  const Element element = source.array().element();
  const atollRedOp_t operator_ = operation(op, element, "reduce");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollReduceAsync(source.data(), target, source.count(), element.type, operator_, to,
                            handle, &options.c, request);
  });
}

py::object gather(const Comm& comm, py::handle tensor, py::handle out, py::handle root,
                  const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const uint64_t to = comm.peer_id(root, "root");
  const Lent& source = lend(*call, tensor, "gather: tensor", Use::kSource, options);
  std::byte* target = nullptr;
  if (is_self(comm, to)) {
    if (out.is_none()) refuse(atollInvalidArgument, "gather: the root needs an array 'out'");
    const Lent& lent = lend(*call, out, "gather: out", Use::kTarget, options);
    require_blocks(comm, options, source, lent, "gather");
    target = lent.data();
  }
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollGatherAsync(source.data(), target, source.count(), source.array().element().type,
                            to, handle, &options.c, request);
  });
}

py::object scatter(const Comm& comm, py::handle tensor, py::handle out, py::handle root,
                   const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const uint64_t from = comm.peer_id(root, "root");
  const Lent& target = lend(*call, out, "scatter: out", Use::kTarget, options);
  const std::byte* source = nullptr;
  if (is_self(comm, from)) {
    if (tensor.is_none()) refuse(atollInvalidArgument, "scatter: the root needs an array 'tensor'");
    const Lent& lent = lend(*call, tensor, "scatter: tensor", Use::kSource, options);
    require_blocks(comm, options, target, lent, "scatter");
    source = lent.data();
  }
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollScatterAsync(source, target.data(), target.count(), target.array().element().type,
                             from, handle, &options.c, request);
  });
}

py::object send(const Comm& comm, py::handle tensor, py::handle peer, const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const Lent& source = lend(*call, tensor, "send: tensor", Use::kSource, options);
  const uint64_t to = comm.peer_id(peer, "peer");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollSendAsync(source.data(), source.count(), source.array().element().type, to, handle,
                          &options.c, request);
  });
}

py::object receive(const Comm& comm, py::handle tensor, py::handle peer, const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const Lent& target = lend(*call, tensor, "recv: tensor", Use::kTarget, options);
  const uint64_t from = comm.peer_id(peer, "peer");
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollRecvAsync(target.data(), target.count(), target.array().element().type, from,
                          handle, &options.c, request);
  });
}

py::object barrier(const Comm& comm, const py::tuple& given) {
  Options options(given);
  const CallPointer call = comm.make_call();
  const atollComm_t handle = comm.get();
  return run(comm, call, options, [&](atollRequest_t* request) {
    return atollBarrierAsync(handle, &options.c, request);
  });
}

py::object optimize_topology(const Comm& comm, const py::tuple& given) {
  Options options(given);
  options.c.flags = 0;
  const CallPointer call = comm.make_call();
  const atollComm_t handle = comm.get();
  call->start([&](atollRequest_t* request) {
    return atollOptimizeTopologyAsync(handle, &options.c, request);
  });
  return waited_or_work(call, options.wait);
}

}  // namespace

// (weight, deadline in seconds or None, tag, group, algorithm, flags, retry, disposable, dense,
// wait): see _communicator.py.
Options::Options(const py::tuple& given) {
  c.weight = argument<double>(given[0], "weight");
  if (!given[1].is_none()) {
    c.deadline_ms = milliseconds_of(argument<double>(given[1], "deadline"), "deadline");
    if (c.deadline_ms == 0) refuse(atollInvalidArgument, "deadline is 0: None means none");
  }
  c.tag = argument<uint64_t>(given[2], "tag");
  c.group = static_cast<atollGroup_t>(given[3].cast<int>());
  c.algorithm = static_cast<atollAlgorithm_t>(given[4].cast<int>());
  c.flags = given[5].cast<uint32_t>();
  c.retry = argument<bool>(given[6], "retry") ? atollRetry : atollNoRetry;
  c.input_disposable = argument<bool>(given[7], "disposable") ? 1 : 0;
  dense = given[8].cast<bool>();
  wait = given[9].cast<bool>();
  if (wait) c.flags |= ATOLL_WAITS_SOON;
}

void bind_collectives(py::class_<Comm>& comm) {
  const py::arg tensor("tensor"), out("out"), op("op"), root("root"), peer("peer");
  const py::arg options("options");
  comm.def("all_reduce", &all_reduce, tensor, out, op, options, "atollAllReduce, …Batch")
      .def("broadcast", &broadcast, tensor, root, options, "atollBroadcast")
      .def("reduce_scatter", &reduce_scatter, tensor, out, op, options, "atollReduceScatter")
      .def("all_gather", &all_gather, tensor, out, options, "atollAllGather")
      .def("reduce", &reduce, tensor, out, op, root, options, "atollReduce")
      .def("gather", &gather, tensor, out, root, options, "atollGather")
      .def("scatter", &scatter, tensor, out, root, options, "atollScatter")
      .def("send", &send, tensor, peer, options, "atollSend")
      .def("recv", &receive, tensor, peer, options, "atollRecv")
      .def("barrier", &barrier, options, "atollBarrier")
      .def("optimize_topology", &optimize_topology, options, "atollOptimizeTopology");
}

}  // namespace atoll_python
