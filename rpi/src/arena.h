// The arena: all memory that training uses, planned before the first batch.
//
// Theory of operation. A step of training is a fixed schedule of numbered phases (forward of each
// block, loss, backward of each block). Every buffer is declared with its size and its life, the
// phases [first, last] in which it holds something. The planner gives each an offset such that
// buffers whose lives overlap do not overlap in memory, largest first, each at the lowest place
// where it fits. Then memory is allocated once. While training, `at()` hands out a buffer only
// inside its life, and records how far up memory has really been used, the measured peak, and in
// which phases each buffer has been.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace edgebnn {

struct Life {
  int first = 0, last = 0;
};

struct Buffer {
  std::string name;  // "layer 2 (dense): W"
  std::string type;  // of its elements, for people
  Life life;
  size_t bytes = 0;
  size_t offset = 0;
};

class Arena {
 public:
  using Id = size_t;

  // Declares a buffer; only before allocate(). Zero bytes are allowed.
  Id add(std::string name, std::string type, size_t bytes, Life life);

  // Plans and allocates. Throws JobError if there is not enough memory.
  void plan();
  void allocate();

  const std::vector<Buffer>& buffers() const { return buffers_; }
  size_t planned_bytes() const { return planned_; }
  // Highest byte handed out so far.
  size_t peak_bytes() const { return peak_; }
  // First and last phase in which a buffer was handed out so far; none if it never was.
  std::optional<Life> used(Id id) const;

  // The phase that runs from now on.
  void enter(int phase) { phase_ = phase; }
  int phase() const { return phase_; }

  // A buffer's memory, zeroed at allocation. Asking outside its life is an error of the program.
  template <class T = uint8_t>
  T* at(Id id) {
    // Often it has been handed out in this phase.
    const bool known = uses_[id].latest.load(std::memory_order_relaxed) == phase_;
    return reinterpret_cast<T*>(known ? memory_.get() + buffers_[id].offset : touch(id));
  }

 private:
  // Of a buffer: the first, last and latest of the phases that asked for it. From all threads, as
  // the peak.
  struct Use {
    std::atomic<int> first = std::numeric_limits<int>::max(), last = -1, latest = -1;
  };

  uint8_t* touch(Id id);

  struct Unmap {
    size_t bytes;
    void operator()(uint8_t* memory) const;
  };

  std::vector<Buffer> buffers_;
  std::vector<Use> uses_;  // of each buffer, once there is memory
  std::unique_ptr<uint8_t, Unmap> memory_{nullptr, Unmap{0}};
  size_t planned_ = 0;
  std::atomic<size_t> peak_ = 0;  // buffers are asked for from all threads
  int phase_ = 0;
};

}  // namespace edgebnn
