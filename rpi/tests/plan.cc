// What the plan asks of dW's tiles.
#include "plan.h"

#include "check.h"

namespace edgebnn {

TEST("dW: units of a tile are shared out where there are fewer tiles than threads") {
  EQUAL(units_of_tile(64, 1, 1), size_t{64});
  EQUAL(units_of_tile(64, 1, 2), size_t{32});
  EQUAL(units_of_tile(64, 1, 4), size_t{16});
  EQUAL(units_of_tile(64, 1, 9), size_t{16});
  EQUAL(units_of_tile(128, 2, 4), size_t{64});
  EQUAL(units_of_tile(1024, 16, 3), size_t{64});  // 86 tiles a thread: nothing to gain
  EQUAL(units_of_tile(10, 1, 4), size_t{10});
}

TEST("dW: rows of a tile are shared out where there are at most half as many tiles as threads") {
  EQUAL(row_parts_of_tile(64, 1, 1000, 1), size_t{1});
  EQUAL(row_parts_of_tile(64, 1, 1000, 3), size_t{3});
  EQUAL(row_parts_of_tile(65, 1, 1000, 3), size_t{1});
  EQUAL(row_parts_of_tile(10, 2, 1000, 5), size_t{2});
  EQUAL(row_parts_of_tile(64, 1, 70, 4), size_t{2});  // of 32 rows each at least
  EQUAL(row_parts_of_tile(64, 1, 20, 4), size_t{1});
}

}  // namespace edgebnn
