// Batch norm with a shift and no scale, in its three forms, and the sign behind it
// (docs/numerics.md, Forward 3-4, Backward 2). All of it is channel by channel, and so is its split
// over threads: sums run over the rows in order, whatever their number. But the sums of Y are
// exact, so threads add up rows as they make them.
#pragma once

#include "layers/context.h"

namespace edgebnn {

// The forward pass of channels [c.begin, c.end), fed with some rows at a time of products:
// [rows][c.size()]. Training passes over the rows three times: add, of any rows by any thread, as
// the sums are exact; then, in order, add_deviation and normalise.
class NormForward {
 public:
  NormForward(const Block& block, const BlockBuffers& buffers, const Context& context, Range c,
              size_t part);

  // Before add, by every thread.
  void begin();
  void add(size_t rows, const Products& y) { kernels_.product_sum(rows, c_.size(), y, sum_); }
  // What add adds to, [c.size()].
  double* sums() const { return sum_; }
  // When all threads have added.
  void end_mean(size_t rows);
  void add_deviation(size_t rows, const Products& y) {
    kernels_.deviation_sum(rows, c_.size(), y, mu_, l2_, sum_);
  }
  // Also moves the moving statistics.
  void end_deviation(size_t rows);
  // The moving statistics in place of the batch's.
  void use_moving();
  // Sign bits and what backward needs, or logits in the last block, of rows from `first` on.
  void normalise(size_t first, size_t rows, const Products& y);
  void end(size_t rows);

 private:
  const Context& context_;
  const BlockBuffers& buffers_;
  const Kernels& kernels_;
  Range c_;
  size_t units_, words_;
  bool l2_;
  double* sum_;             // the thread's
  float *mu_, *r_, *beta_;  // mu lies where omega will
  float *moving_mu_, *moving_psi_;
  uint64_t *signs_, *inside_;
  uint8_t* xn_;  // kept, or null
  Format kept_;  // as this
  float* logits_;
};

class NormBackward {
 public:
  NormBackward(const Block& block, const BlockBuffers& buffers, const Context& context)
      : block_(block), buffers_(buffers), context_(context) {}

  // dX' in the map -> dY in the map.
  void run(size_t samples);
  // [units], already divided by the batch; valid after run() in the same phase.
  const double* dbeta() const { return context_.arena.at<double>(context_.plan.sums); }

 private:
  void averages(Range c, size_t samples);
  template <class Body>
  void each_rows(Range c, Range rows, Body&& body);

  const Block& block_;
  const BlockBuffers& buffers_;
  const Context& context_;
};

}  // namespace edgebnn
