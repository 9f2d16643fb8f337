#include "threads.h"

#include <utility>

namespace edgebnn {
namespace {

// A step gives work a hundred times, mostly within microseconds: less than it takes to be put to
// sleep and woken. So waiting begins awake, for about as long.
constexpr int kLooks = 1000;

void rest() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("yield");
#endif
}

void wait_for_change(const std::atomic<int32_t>& value, int32_t from, int looks) {
  for (; looks > 0; --looks) {
    if (value.load(std::memory_order_acquire) != from) return;
    rest();
  }
  value.wait(from);
}

}  // namespace

// Where threads share cores, looking takes time from the one that works.
Threads::Threads(size_t count) : looks_(count <= std::thread::hardware_concurrency() ? kLooks : 0) {
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
  for (int32_t left = pending_; left != 0; left = pending_) wait_for_change(pending_, left, looks_);
  if (failed_.exchange(false)) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Threads::work(size_t part) {
  for (int32_t seen = 0;; ++seen) {
    wait_for_change(round_, seen, looks_);
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
