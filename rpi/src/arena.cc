#include "arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "errors.h"

namespace edgebnn {
namespace {

constexpr size_t kAlign = 64;  // a cache line, and the widest vector

bool overlap(const Life& a, const Life& b) { return a.first <= b.last && b.first <= a.last; }

// The value becomes the bound if it is `beyond` it. A bound that holds already, as it does from the
// second step on, is only read.
template <class T, class Beyond>
void widen(std::atomic<T>& bound, T value, Beyond beyond) {
  T found = bound.load(std::memory_order_relaxed);
  while (beyond(value, found) &&
         !bound.compare_exchange_weak(found, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

Arena::Id Arena::add(std::string name, std::string type, size_t bytes, Life life) {
  buffers_.push_back({std::move(name), std::move(type), life, bytes, 0});
  return buffers_.size() - 1;
}

void Arena::plan() {
  std::vector<Id> order(buffers_.size());
  std::iota(order.begin(), order.end(), Id{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Id a, Id b) { return buffers_[a].bytes > buffers_[b].bytes; });
  std::vector<Id> placed;  // ordered by offset
  planned_ = 0;
  for (const Id id : order) {
    Buffer& buffer = buffers_[id];
    size_t offset = 0;
    for (const Id other_id : placed) {
      const Buffer& other = buffers_[other_id];
      if (!overlap(buffer.life, other.life)) continue;
      if (offset + buffer.bytes <= other.offset) break;
      offset = std::max(offset, (other.offset + other.bytes + kAlign - 1) / kAlign * kAlign);
    }
    buffer.offset = offset;
    planned_ = std::max(planned_, offset + buffer.bytes);
    const auto after = [&](Id a, size_t value) { return buffers_[a].offset < value; };
    placed.insert(std::lower_bound(placed.begin(), placed.end(), offset, after), id);
  }
}

void Arena::allocate() {
  const size_t bytes = std::max(planned_, size_t{1});
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw JobError("not enough memory: the arena needs " + std::to_string(bytes) + " bytes");
  }
  // Rows of weights lie far apart: large pages spare the walks between them, where there are any.
#ifdef MADV_HUGEPAGE
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  memory_ = {static_cast<uint8_t*>(memory), Unmap{bytes}};
  uses_ = std::vector<Use>(buffers_.size());
}

std::optional<Life> Arena::used(Id id) const {
  if (id >= uses_.size() || uses_[id].last < 0) return std::nullopt;
  return Life{uses_[id].first, uses_[id].last};
}

uint8_t* Arena::touch(Id id) {
  const Buffer& buffer = buffers_[id];
  if (phase_ < buffer.life.first || phase_ > buffer.life.last) {
    throw JobError("arena: '" + buffer.name + "' used in phase " + std::to_string(phase_) +
                   ", outside its life");
  }
  widen(peak_, buffer.offset + buffer.bytes, std::greater<>());
  widen(uses_[id].first, phase_, std::less<>());
  widen(uses_[id].last, phase_, std::greater<>());
  uses_[id].latest.store(phase_, std::memory_order_relaxed);
  return memory_.get() + buffer.offset;
}

void Arena::Unmap::operator()(uint8_t* memory) const { munmap(memory, bytes); }

}  // namespace edgebnn
