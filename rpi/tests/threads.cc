// The pool of threads, and how work is cut.
#include "threads.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"

using namespace edgebnn;

TEST("parts cover everything once, in whole grains, and none exceeds the largest") {
  for (const size_t n : {0, 1, 7, 8, 9, 33, 64, 65}) {
    for (const size_t parts : {1, 2, 3, 4, 7}) {
      for (const size_t grain : {1, 8}) {
        size_t at = 0;
        for (size_t part = 0; part < parts; ++part) {
          const Range range = part_of(n, part, parts, grain);
          EQUAL(range.begin, at);
          EQUAL(range.begin % grain == 0 || range.size() == 0, true);
          EQUAL(range.size() <= largest_part(n, parts, grain), true);
          at = range.end;
        }
        EQUAL(at, n);
      }
    }
  }
}

TEST("threads: each part runs once, round after round") {
  for (const size_t count : {1, 2, 3, 5}) {
    Threads threads(count);
    EQUAL(threads.count(), count);
    std::vector<size_t> runs(count);
    for (int round = 0; round < 2000; ++round) threads.each([&](size_t part) { ++runs[part]; });
    for (const size_t run : runs) EQUAL(run, size_t{2000});
  }
}

TEST("threads: shared work is done once, in whole runs") {
  for (const size_t count : {1, 2, 5}) {
    Threads threads(count);
    for (const size_t n : {0, 1, 6, 7, 1000}) {
      std::vector<size_t> runs(n);
      threads.share(n, 3, [&](size_t part, Range some) {
        EQUAL(part < count, true);
        EQUAL(some.begin % 3 == 0 && some.size() == std::min<size_t>(3, n - some.begin), true);
        for (size_t i = some.begin; i < some.end; ++i) ++runs[i];
      });
      EQUAL(runs == std::vector<size_t>(n, 1), true);
    }
  }
}

TEST("threads: what one throws is thrown to the caller, and the pool works on") {
  Threads threads(3);
  for (const size_t bad : {0, 2}) {
    std::string message;
    try {
      threads.each([&](size_t part) {
        if (part == bad) throw std::runtime_error("no");
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    EQUAL(message, std::string("no"));
    std::atomic<size_t> runs = 0;
    threads.each([&](size_t) { ++runs; });
    EQUAL(runs.load(), size_t{3});
  }
}
