#include "threads.h"

#include <chrono>
#include <utility>

namespace edgebnn {
namespace {

// A step gives work fifty times, and most of it ends within a millisecond: who is put to sleep and
// woken, by a hypervisor above all, would lose a good part of that. So waiting begins awake.
constexpr std::chrono::microseconds kAwake{500};
constexpr int kLooks = 100;  // between two looks at the clock

void rest() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("yield");
#endif
}

void wait_for_change(const std::atomic<int32_t>& value, int32_t from, bool awake) {
  if (awake) {
    const auto until = std::chrono::steady_clock::now() + kAwake;
    do {
      for (int look = 0; look < kLooks; ++look) {
        if (value.load(std::memory_order_acquire) != from) return;
        rest();
      }
    } while (std::chrono::steady_clock::now() < until);
  }
  value.wait(from);
}

}  // namespace

// Where threads share cores, who waits awake takes time from the one that works.
Threads::Threads(size_t count) : awake_(count <= std::thread::hardware_concurrency()) {
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
  for (int32_t left = pending_; left != 0; left = pending_) wait_for_change(pending_, left, awake_);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Threads::work(size_t part) {
  for (int32_t seen = 0;; ++seen) {
    wait_for_change(round_, seen, awake_);
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
