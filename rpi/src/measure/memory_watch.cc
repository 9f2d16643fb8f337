#include "memory_watch.h"

#include <algorithm>

namespace edgebnn::measure {
namespace {

// Of a core. Together with what is cheap, and is done at every sample, the first stays below a
// quarter of a percent at 50 samples a second; growth by a tenth is rare, however long a command
// runs.
constexpr double kShare = 2.5e-4, kOfNewProcesses = 1e-3, kOfGrowth = 2e-2;
constexpr double kGrown = 1.1;  // such growth is a reason to ask for the proportional set

}  // namespace

void MemoryWatch::sample(JsonObject& line) {
  const size_t in_system = processes_in_system();
  if (look_.begins(in_system != in_system_ ? kOfNewProcesses : kShare)) {
    tree_.look();
    look_.ends();
    in_system_ = in_system;
    most_processes_ = std::max(most_processes_, tree_.size());
  }
  if (resident_.begins(kShare)) {
    const auto bytes = tree_.resident();
    resident_.ends();
    if (!bytes) return;
    line.add("rss_bytes", *bytes).add("processes", static_cast<double>(tree_.size()));
    latest_resident_ = *bytes;
    peak_resident_ = std::max(peak_resident_, *bytes);
  }
  if (proportional_.begins(latest_resident_ > kGrown * asked_at_ ? kOfGrowth : kShare)) {
    const auto bytes = tree_.proportional();
    proportional_.ends();
    asked_at_ = std::max(asked_at_, latest_resident_);
    if (!bytes) return;
    line.add("pss_bytes", *bytes);
    peak_proportional_ = std::max(peak_proportional_, *bytes);
  }
}

}  // namespace edgebnn::measure
