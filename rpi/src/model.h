// A network in an arena: one training step, and evaluation.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "layers/batch_norm.h"
#include "layers/forward.h"
#include "layers/input_gradient.h"
#include "layers/softmax_cross_entropy.h"
#include "layers/weight_gradient.h"
#include "optimizers/optimizer.h"

namespace edgebnn {

class Model {
 public:
  // `threads` are as many as the plan was made for.
  Model(const RunFile& run, const Network& network, const Plan& plan, const Kernels& kernels,
        Arena& arena, Threads& threads);
  Model(const Model&) = delete;

  // Initial weights from the run's seed; beta 0, moving statistics 0 and 1.
  void initialise(uint64_t seed);

  // Latent weights from number `first` on, input by input; at most kUnitsAtOnce, of one input. They
  // are rounded in place; of a frozen block the signs are kept.
  void set_weights(size_t block, size_t first, std::span<float> w);

  // beta, moving mu and moving psi of a block's batch norm.
  std::array<std::span<float>, 3> norm(size_t block);

  // The batch to fill: images [B][input], labels [B].
  uint8_t* images() { return arena_.at(plan_.images); }
  int32_t* labels() { return arena_.at<int32_t>(plan_.labels); }
  // To be called before the batch is filled.
  void begin() { arena_.enter(0); }

  // One training step on a full batch. Returns the loss and hits before the update.
  LossSum train(float learning_rate);

  // Loss and hits of the first `samples` of the batch, with the moving statistics.
  LossSum evaluate(size_t samples);

  // All that a step leaves to the next: the optimiser's count, then the persistent buffers.
  std::vector<std::span<uint8_t>> state();

  // Sign bits of block l as the last forward left them, for dumps; called between forward and
  // backward.
  using Watch = void (*)(void* context, size_t block);
  void watch(Watch watch, void* context) { watch_ = watch, watch_context_ = context; }

  const Network& network() const { return network_; }
  const Plan& plan() const { return plan_; }
  size_t arena_peak_bytes() const { return arena_.peak_bytes(); }

 private:
  void forward(size_t samples, bool training);
  LossSum loss(size_t samples, bool training);
  void store_loss_gradient();
  void backward();
  ProductInput input_of(size_t block);

  const RunFile& run_;
  const Network& network_;
  const Plan& plan_;
  Arena& arena_;
  GradientMap gradients_;
  Context context_;
  std::unique_ptr<Optimizer> optimizer_;
  Watch watch_ = nullptr;
  void* watch_context_ = nullptr;
};

}  // namespace edgebnn
