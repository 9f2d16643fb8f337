// Every variant of every kernel, in one list that dispatch, tests and benchmarks read.
//
// An op beside the products has one source for all ISAs, kernels/<op>/vector.cc (vector.h).
// To add a variant of a product: kernels/<op>/<isa>.cc, its declaration in <op>.h, its line in
// registry.cc; the flags of a new ISA in rpi/src/SConscript.
#pragma once

#include <span>
#include <string>

#include "kernels/binary_binary/binary_binary.h"
#include "kernels/byte_binary/byte_binary.h"
#include "kernels/centre_pixels/centre_pixels.h"
#include "kernels/integer_integer/integer_integer.h"
#include "kernels/integer_real/integer_real.h"
#include "kernels/max_pool/max_pool.h"
#include "kernels/norm_backward/norm_backward.h"
#include "kernels/norm_forward/norm_forward.h"
#include "kernels/real_binary/real_binary.h"
#include "kernels/reorder/reorder.h"
#include "kernels/shared_exponents/shared_exponents.h"
#include "kernels/short_binary/short_binary.h"
#include "kernels/sign_bits/sign_bits.h"
#include "kernels/straight_through/straight_through.h"
#include "kernels/transpose_bits/transpose_bits.h"
#include "kernels/weight_update/weight_update.h"
#include "kernels/widen/widen.h"

namespace edgebnn {

struct Kernels {
  const char* name;  // "scalar", an ISA
  bool (*runs)();    // whether this machine can run it
  BinaryBinary binary_binary;
  RealBinary* real_binary;
  ShortBinary* short_binary;
  ByteBinary* byte_binary;
  IntegerReal integer_real;
  IntegerInteger integer_integer;
  Reorder* reorder;
  // Those whose sums are float32, in float64 as the scalar ones: what `exact` has in their places.
  RealBinary* real_binary_exact;
  IntegerReal integer_real_exact;
  // Beside the products.
  CentrePixels* centre_pixels;
  TransposeBits* transpose_bits;
  WidenRows* widen_rows;
  WidenColumns* widen_columns;
  MaxPool* max_pool;
  Spread* spread;
  KeepProducts* keep_products;
  ProductSum* product_sum;
  DeviationSum* deviation_sum;
  Normalise* normalise;
  NormBackwardSums* norm_backward_sums;
  NormBackwardLargest* norm_backward_largest;
  NormBackwardStore* norm_backward_store;
  HighestMagnitude* highest_magnitude;
  SharedExponents* shared_exponents;
  StraightThroughLargest* straight_through_largest;
  StraightThroughStore* straight_through_store;
  SignBits* sign_bits;
  SumSigns* sum_signs;
  WeightUpdate* weight_update;
};

// Fastest first; the last one, scalar, is the definition and runs everywhere.
std::span<const Kernels> all_kernels();

// The variant that EDGEBNN_KERNEL names, or the first that runs here; `exact` is that first one,
// but all its sums are the scalar variant's to the bit. Throws InputError for a name that is
// unknown or does not run here, listing those that do.
Kernels chosen_kernels();

}  // namespace edgebnn
