// A small pool of threads, started once. Work is split by sample, row or channel, but never by the
// terms of a sum that rounds, so results do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

namespace edgebnn {

struct Range {
  size_t begin = 0, end = 0;
  size_t size() const { return end - begin; }
};

// Part `part` of 0..n-1 cut into `parts` runs of whole grains; may be empty.
inline Range part_of(size_t n, size_t part, size_t parts, size_t grain = 1) {
  const size_t grains = (n + grain - 1) / grain;
  return {std::min(n, grains * part / parts * grain),
          std::min(n, grains * (part + 1) / parts * grain)};
}

// Size of the largest part.
inline size_t largest_part(size_t n, size_t parts, size_t grain = 1) {
  const size_t grains = (n + grain - 1) / grain;
  return std::min(n, (grains + parts - 1) / parts * grain);
}

class Threads {
 public:
  // The caller is one of the `count`.
  explicit Threads(size_t count);
  ~Threads();
  Threads(const Threads&) = delete;

  size_t count() const { return workers_.size() + 1; }

  // Runs body(part) for parts 0..count-1 at once, and returns when all have ended. What one of them
  // throws is thrown here. Allocates nothing.
  template <class Body>
  void each(Body&& body) {
    run([](void* of, size_t part) { (*static_cast<std::remove_reference_t<Body>*>(of))(part); },
        &body);
  }

  // Runs body(part, some) for runs of `grain` of 0..n-1, each by the next thread that is free: who
  // loses its core for a while does less.
  template <class Body>
  void share(size_t n, size_t grain, Body&& body) {
    std::atomic<size_t> next = 0;
    each([&](size_t part) {
      for (size_t begin; (begin = next.fetch_add(grain)) < n;)
        body(part, Range{begin, std::min(begin + grain, n)});
    });
  }

 private:
  using Call = void (*)(void* body, size_t part);
  void run(Call call, void* body);
  void work(size_t part);
  void guarded(size_t part);

  const bool awake_;  // while they wait, at first
  std::vector<std::thread> workers_;
  Call call_ = nullptr;
  void* body_ = nullptr;
  std::exception_ptr failure_;
  std::atomic<bool> failed_ = false;
  std::atomic<int32_t> round_ = 0, pending_ = 0;
  bool ending_ = false;
};

}  // namespace edgebnn
