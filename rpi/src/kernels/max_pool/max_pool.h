// 2x2 max-pool before the batch norm: of four rows of products, the largest and its place, the
// first of equals; and back, a gradient to the place it came from:
//   max_pool:  pooled[m][c] = max over k of y[4m + k][c], winners[m][c] = the first such k
//   spread:    map[k][c] = winners[c] == k ? g[c] : 0, k = 0..3
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgebnn {

// y: [4·rows][stride]; pooled: [rows][stride], may begin where y does; winners: [rows][n/4 rounded
// up], `winner_stride` bytes apart, two bits a channel; what is left of the last byte is zero.
using MaxPool = void(size_t rows, size_t n, size_t stride, const int32_t* y, int32_t* pooled,
                     uint8_t* winners, size_t winner_stride);
// g, map[k]: [n] elements of `bytes` bytes (1, 2 or 4), moved as they are.
using Spread = void(size_t n, size_t bytes, const void* g, const uint8_t* winners,
                    void* const map[4]);

MaxPool max_pool_scalar, max_pool_avx512, max_pool_avx2, max_pool_neon;
Spread spread_scalar, spread_avx512, spread_avx2, spread_neon;

}  // namespace edgebnn
