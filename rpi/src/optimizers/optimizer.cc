#include "optimizers/optimizer.h"

#include "errors.h"
#include "optimizers/adam.h"
#include "optimizers/sgd.h"

namespace edgebnn {

std::unique_ptr<Optimizer> make_optimizer(const RunFile& run) {
  if (run.optimizer == "adam") return std::make_unique<Adam>(run.switches);
  if (run.optimizer == "sgd") return std::make_unique<Sgd>(run.switches);
  if (run.optimizer == "bop") {
    throw InputError(run.path + ": optimizer: 'bop' is not yet trained by this version");
  }
  throw InputError(run.path + ": optimizer: found '" + run.optimizer +
                   "', allowed are adam, sgd, bop");
}

void load_gradient(bool binary, const void* dw, size_t first, size_t n, float* out) {
  if (!binary) {
    load(Format::f32, dw, first, n, out);
    return;
  }
  const auto* bits = static_cast<const uint64_t*>(dw);
  for (size_t i = 0; i < n; ++i) {
    const size_t j = first + i;
    out[i] = bits[j / 64] >> (j % 64) & 1 ? 1.0f : -1.0f;
  }
}

}  // namespace edgebnn
