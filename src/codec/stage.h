// The stages between a range of a TensorList and bytes on the wire: gather, encode, decode, reduce.
//
// "Flat" bytes are the elements of a range one after the other, without gaps and without need of
// alignment. Where arithmetic is done (reduce, divide, and codecs that compute) the caller holds a
// kernels::FloatEnvironment. Wrong sizes of flat bytes are our own bug, wrong sizes of encoded
// bytes an error: the latter come from a peer.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"
#include "codec/codec.h"
#include "codec/tensor_list.h"

namespace atoll_core::codec {

// Appends the pieces of a range, uncopied, to `spans`.
void append_spans(const TensorList& list, Side side, ElementRange range,
                  std::vector<ByteSpan>& spans);

// Copies a range to flat bytes, to send it later.
void copy_out(const TensorList& list, Side side, ElementRange range, MutableByteSpan flat);

// The same, past the caches: to keep what an in-place op overwrites, which is rarely asked for.
void copy_aside(const TensorList& list, Side side, ElementRange range, MutableByteSpan flat);

// Copies flat bytes to the sinks of a range.
void copy_in(const TensorList& list, ElementRange range, ByteSpan flat);

// Brings a range from its sources to its sinks, where the two differ.
void copy_across(const TensorList& list, ElementRange range);

// sink[range] = operand[range] op flat, with `operand` the source (the first contribution of
// others meets one's own) or the sink (what came before is there already).
void reduce_in(const TensorList& list, ElementRange range, ReduceOp op, Side operand,
               ByteSpan flat);

// sink[range] = (source[range] * factor) op flat, the product rounded to the type; float types
// only, see kernels::scale.
void reduce_scaled_in(const TensorList& list, ElementRange range, ReduceOp op, double factor,
                      ByteSpan flat);

// Reduces the flat `parts`, from the first to the last, to the sinks of a range. The part without
// bytes, exactly one, stands for the sources times the factor. So the order is given by the caller.
// A factor other than 1 is for float types only. At least two parts.
void combine_in(const TensorList& list, ElementRange range, ReduceOp op, double factor,
                std::vector<ByteSpan> parts);

// Copies source[range] * factor to flat bytes.
void scale_out(const TensorList& list, ElementRange range, double factor, MutableByteSpan flat);

// sink[range] = sink[range] * factor
void scale_sink(const TensorList& list, ElementRange range, double factor);

// sink[range] = 0
void clear_sink(const TensorList& list, ElementRange range);

// sink[range] = sink[range] / divisor, the end of an average; see kernels::divide.
void divide_sink(const TensorList& list, ElementRange range, double divisor);

// Appends what must be sent for a range to `spans`. With the identity codec these are the pieces
// themselves, and `scratch` is not touched; otherwise one span of `scratch`, which then must stay
// as it is until the bytes are sent. `scratch` is given the size it needs.
Result<void> encode_out(const TensorList& list, Side side, ElementRange range, const Codec& codec,
                        ByteBuffer& scratch, std::vector<ByteSpan>& spans);

// Decodes received bytes to the sinks of a range. An owner calls it on its own encoding too when
// the codec loses precision, so that it holds the bits that all others receive.
Result<void> decode_in(const TensorList& list, ElementRange range, const Codec& codec,
                       ByteSpan encoded);

// reduce_in of what received bytes decode to.
Result<void> decode_and_reduce_in(const TensorList& list, ElementRange range, ReduceOp op,
                                  Side operand, const Codec& codec, ByteSpan encoded);

}  // namespace atoll_core::codec
