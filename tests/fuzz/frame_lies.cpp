#include "fuzz/frame_lies.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/limits.h"
#include "fuzz/fuzz_check.h"

namespace atoll_core::fuzz {
namespace {

constexpr std::array<uint64_t, 8> kEdges = {
    0, ~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 32, 256, 1u << 20, 0xFFFFFFFFu, 7};

template <class Number>
void change(Number& number, uint8_t how) {
  if (how < 0x40) number = static_cast<Number>(number + 1 + how % 4);
  else if (how < 0x80) number = static_cast<Number>(number - 1 - how % 4);
  else number = static_cast<Number>(kEdges[how % kEdges.size()]);
}

void change_payload(std::string& payload, uint8_t how) {
  if (how < 0x40) payload.resize(payload.size() + 1 + how);
  else if (how < 0x80) payload.resize(payload.size() - std::min<size_t>(payload.size(), how));
  else if (!payload.empty()) payload[how % payload.size()] = static_cast<char>(how * 3);
}

wire::FrameKind kind_of(uint8_t how) { return static_cast<wire::FrameKind>(1 + how % 11); }

void tell(const FrameLie& lie, Frame& frame) {
  wire::FrameHeader& header = frame.header;
  OpId& op = header.attempt.op;
  switch (lie.field % 16) {
    case 0: header.kind = kind_of(lie.change); break;
    case 1: change_payload(frame.payload, lie.change); break;
    case 2: change(header.link_sequence, lie.change); break;
    case 3: change(header.acknowledged, lie.change); break;
    case 4: change(op.generation.first.number, lie.change); break;
    case 5: change(op.tag, lie.change); break;
    case 6: change(op.sequence, lie.change); break;
    case 7: change(op.group, lie.change); break;
    case 8: change(header.segment, lie.change); break;
    case 9: change(header.step, lie.change); break;
    case 10: change(header.element_count, lie.change); break;
    case 11: change(header.element_offset, lie.change); break;
    case 12: change(header.detail, lie.change); break;
    case 13: change(header.fingerprint, lie.change); break;
    case 14: change(header.attempt.epoch.number, lie.change); break;
    default: header.weighted = !header.weighted; break;
  }
}

}  // namespace

std::vector<FrameLie> some_frame_lies(Choices& choices) {
  std::vector<FrameLie> lies(1 + choices.below(3));
  for (FrameLie& lie : lies) lie = {choices.byte(), choices.byte()};
  return lies;
}

void tell(const std::vector<FrameLie>& lies, Frame& frame) {
  for (const FrameLie& lie : lies) tell(lie, frame);
}

std::string to_bytes(const Frame& frame) {
  wire::FrameHeader header = frame.header;
  header.payload_bytes = static_cast<uint32_t>(frame.payload.size());
  header.payload_checksum = frame.payload.empty() ? 0 : wire::payload_checksum(
      std::as_bytes(std::span(frame.payload)));
  wire::FrameHeaderBytes bytes;
  wire::encode_frame_header(header, bytes);
  return std::string(as_text(bytes)) + frame.payload;
}

bool take_frame(std::string& bytes, Frame& frame) {
  if (bytes.size() < wire::kFrameHeaderBytes) return false;
  wire::FrameHeaderBytes head;
  std::memcpy(head.data(), bytes.data(), head.size());
  const Result<wire::FrameHeader> header = wire::decode_frame_header(head);
  FUZZ_CHECK(header.has_value());
  const size_t size = head.size() + header->payload_bytes;
  if (bytes.size() < size) return false;
  frame = {*header, bytes.substr(head.size(), header->payload_bytes)};
  bytes.erase(0, size);
  return true;
}

}  // namespace atoll_core::fuzz
