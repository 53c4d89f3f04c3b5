#include "wire/snapshot.h"

#include "base/limits.h"
#include "wire/snapshot.pb.h"

namespace atoll_core::wire {

std::string encode(const Snapshot& snapshot) {
  proto::Snapshot out;
  out.set_run(snapshot.run);
  out.set_incarnation(snapshot.incarnation);
  out.set_has_members(snapshot.has_members);
  out.set_instance_high(snapshot.instance.high);
  out.set_instance_low(snapshot.instance.low);
  return out.SerializeAsString();
}

Result<Snapshot> decode_snapshot(std::string_view bytes) {
  proto::Snapshot in;
  if (bytes.size() > limits::kSnapshotBytes ||
      !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(ErrorCode::kInvalidArgument, "is not the snapshot of a coordinator");
  }
  if (in.run().size() > limits::kNameBytes || in.incarnation() == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "is the snapshot of no coordinator: a run id of {} bytes, incarnation {}",
                in.run().size(), in.incarnation());
  }
  return Snapshot{in.run(), in.incarnation(), in.has_members(),
                  {in.instance_high(), in.instance_low()}};
}

}  // namespace atoll_core::wire
