#include "threads.h"

#include <utility>

namespace edgebnn {

Threads::Threads(size_t count) {
  for (size_t part = 1; part < count; ++part) workers_.emplace_back([this, part] { work(part); });
}

Threads::~Threads() {
  ending_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Threads::run(Call call, void* body) {
  call_ = call;
  body_ = body;
  pending_ = static_cast<int32_t>(workers_.size());
  if (!workers_.empty()) {
    ++round_;
    round_.notify_all();
  }
  guarded(0);
  for (int32_t left = pending_; left != 0; left = pending_) pending_.wait(left);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Threads::work(size_t part) {
  for (int32_t seen = 0;; ++seen) {
    round_.wait(seen);
    if (ending_) return;
    guarded(part);
    if (--pending_ == 0) pending_.notify_one();
  }
}

void Threads::guarded(size_t part) {
  try {
    call_(body_, part);
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

}  // namespace edgebnn
