// The planner: buffers that live at once never share memory, others do; the peak is measured.
#include "arena.h"

#include "check.h"
#include "random.h"
#include "runs.h"

namespace edgebnn {
namespace {

bool share_time(const Buffer& a, const Buffer& b) {
  return a.life.first <= b.life.last && b.life.first <= a.life.last;
}

bool share_memory(const Buffer& a, const Buffer& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

TEST("arena: buffers of disjoint lives share memory") {
  Arena arena;
  arena.add("first", "u8", 1000, {0, 1});
  arena.add("second", "u8", 1000, {2, 3});
  arena.plan();
  EQUAL(arena.planned_bytes(), size_t{1000});
}

TEST("arena: a life includes its last phase") {
  Arena arena;
  arena.add("first", "u8", 64, {0, 2});
  arena.add("second", "u8", 64, {2, 3});
  arena.plan();
  EQUAL(arena.planned_bytes(), size_t{128});
}

TEST("arena: random plans never overlap, and need no less than any phase holds") {
  const Stream random(1, 1);
  for (uint64_t trial = 0; trial < 200; ++trial) {
    Arena arena;
    constexpr int kPhases = 12;
    size_t held[kPhases] = {}, all = 0;
    for (uint64_t b = 0; b < 30; ++b) {
      const auto draw = [&](uint64_t of, uint64_t below) {
        return static_cast<int>(random.draw((trial * 30 + b) * 4 + of) % below);
      };
      const int from = draw(0, kPhases), to = from + draw(1, static_cast<uint64_t>(kPhases - from));
      const size_t bytes = draw(2, 5) == 0 ? 0 : static_cast<size_t>(draw(3, 5000));
      arena.add(std::to_string(b), "u8", bytes, {from, to});
      for (int phase = from; phase <= to; ++phase) held[phase] += bytes;
      all += bytes + 63;
    }
    arena.plan();
    size_t overlaps = 0, below_need = 0;
    for (const Buffer& a : arena.buffers()) {
      overlaps += a.offset % 64 != 0;
      overlaps += a.offset + a.bytes > arena.planned_bytes();
      for (const Buffer& b : arena.buffers()) {
        overlaps +=
            &a != &b && a.bytes > 0 && b.bytes > 0 && share_time(a, b) && share_memory(a, b);
      }
    }
    for (const size_t bytes : held) below_need += bytes > arena.planned_bytes();
    EQUAL(overlaps, size_t{0});
    EQUAL(below_need, size_t{0});
    EQUAL(arena.planned_bytes() <= all, true);
  }
}

TEST("arena: the peak is what was handed out") {
  Arena arena;
  const auto low = arena.add("large", "u8", 4096, {0, 1});
  const auto high = arena.add("small", "u8", 100, {1, 1});
  arena.plan();
  arena.allocate();
  EQUAL(arena.peak_bytes(), size_t{0});
  arena.enter(0);
  arena.at(low);
  EQUAL(arena.peak_bytes(), size_t{4096});
  arena.enter(1);
  arena.at(high)[99] = 1;
  EQUAL(arena.peak_bytes(), arena.planned_bytes());
  EQUAL(arena.planned_bytes(), size_t{4196});
}

TEST("arena: a buffer was used from the first phase that asked for it to the last") {
  Arena arena;
  const auto seldom = arena.add("seldom", "u8", 64, {0, 5});
  const auto never = arena.add("never", "u8", 64, {0, 5});
  EQUAL(arena.used(seldom).has_value(), false);
  arena.plan();
  arena.allocate();
  EQUAL(arena.used(seldom).has_value(), false);
  const auto uses = [&](int phase, int first, int last) {
    arena.enter(phase);
    arena.at(seldom);
    EQUAL(arena.used(seldom)->first, first);
    EQUAL(arena.used(seldom)->last, last);
  };
  uses(2, 2, 2);
  uses(4, 2, 4);
  uses(3, 2, 4);
  uses(1, 1, 4);
  arena.enter(6);
  SAYS(arena.at(seldom), "outside its life");
  EQUAL(arena.used(seldom)->last, 4);
  EQUAL(arena.used(never).has_value(), false);
}

TEST("arena: threads that ask at once all count") {
  Arena arena;
  constexpr size_t kBuffers = 64;
  for (size_t id = 0; id < kBuffers; ++id) arena.add(std::to_string(id), "u8", 64, {0, 2});
  arena.plan();
  arena.allocate();
  Threads threads(3);
  for (int phase = 1; phase <= 2; ++phase) {
    arena.enter(phase);
    threads.each([&](size_t part) {
      for (size_t id = part; id < kBuffers; ++id) arena.at(id);
    });
  }
  size_t wrong = 0;
  for (size_t id = 0; id < kBuffers; ++id) {
    const auto used = arena.used(id);
    wrong += !used || used->first != 1 || used->last != 2;
  }
  EQUAL(wrong, size_t{0});
  EQUAL(arena.peak_bytes(), arena.planned_bytes());
}

TEST("arena: memory starts as zeros; use outside a life is an error") {
  Arena arena;
  const auto id = arena.add("layer 1: X", "u8", 8192, {1, 2});
  arena.plan();
  arena.allocate();
  arena.enter(1);
  size_t nonzero = 0;
  for (size_t i = 0; i < 8192; ++i) nonzero += arena.at(id)[i] != 0;
  EQUAL(nonzero, size_t{0});
  arena.enter(3);
  SAYS(arena.at(id), "'layer 1: X' used in phase 3");
}

TEST("arena: what is written stays as long as its buffer lives; then the peak is the plan") {
  const Stream random(2, 1);
  uint64_t drawn = 0;
  const auto draw = [&](int below) {
    return static_cast<int>(random.draw(drawn++) % static_cast<uint64_t>(below));
  };
  constexpr int kPhases = 9;
  for (int trial = 0; trial < 50; ++trial) {
    Arena arena;
    for (int b = 0; b < 40; ++b) {
      const int from = draw(kPhases), to = from + draw(kPhases - from);
      arena.add(std::to_string(b), "u8", static_cast<size_t>(draw(5000)), {from, to});
    }
    arena.plan();
    arena.allocate();
    size_t spoilt = 0;
    for (int phase = 0; phase < kPhases; ++phase) {
      arena.enter(phase);
      for (size_t id = 0; id < arena.buffers().size(); ++id) {
        const Buffer& buffer = arena.buffers()[id];
        if (phase < buffer.life.first || phase > buffer.life.last) continue;
        uint8_t* memory = arena.at(id);
        for (size_t i = 0; i < buffer.bytes; ++i) {
          if (phase == buffer.life.first) memory[i] = static_cast<uint8_t>(id + i);
          spoilt += memory[i] != static_cast<uint8_t>(id + i);
        }
      }
    }
    EQUAL(spoilt, size_t{0});
    EQUAL(arena.peak_bytes(), arena.planned_bytes());
  }
}

TEST("arena: more than there is memory is refused") {
  Arena arena;
  arena.add("huge", "u8", sizeof(size_t) == 8 ? size_t{1} << 60 : ~size_t{0} - 4096, {0, 0});
  arena.plan();
  SAYS(arena.allocate(), "not enough memory: the arena needs");
}

TEST("plan: integer sums that could overflow are refused") {
  RunFile run = tests::run_of(
      {32, 32, 3}, {"conv 8 3 1 same", "batch_norm", "sign", "flatten", "dense 10", "batch_norm"},
      256);
  run.switches.gradients = Format::i16;
  {
    Arena arena;
    make_plan(run, compile(run), arena);
  }
  run.batch_size = 257;
  Arena arena;
  SAYS(make_plan(run, compile(run), arena), "batch_size: found 257, at most 256 is allowed");
  run.switches.gradients = Format::i6;
  make_plan(run, compile(run), arena);
}

}  // namespace
}  // namespace edgebnn
