// 64 places at a time from 128 bytes at a time (VPERMI2B): those whose bytes lie elsewhere are left
// for later.
#include <immintrin.h>

#include <algorithm>

#include "kernels/reorder/reorder.h"

namespace edgebnn {
namespace {

constexpr size_t kPlaces = 64, kBytes = 128;

__mmask64 first(size_t n) { return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1; }

// 64 indices: the number of their 128 bytes, and the place in them.
struct Indices {
  __m512i quarters[4];

  __m512i places() const {
    const auto bytes = [&](size_t q) { return _mm512_cvtepi32_epi8(quarters[q]); };
    __m512i all = _mm512_castsi128_si512(bytes(0));
    all = _mm512_inserti32x4(all, bytes(1), 1);
    all = _mm512_inserti32x4(all, bytes(2), 2);
    return _mm512_inserti32x4(all, bytes(3), 3);
  }
  __mmask64 within(size_t number) const {
    const __m512i wanted = _mm512_set1_epi32(static_cast<int>(number));
    __mmask64 all = 0;
    for (size_t q = 0; q < 4; ++q) {
      const auto some = _mm512_cmpeq_epi32_mask(_mm512_srli_epi32(quarters[q], 7), wanted);
      all |= static_cast<__mmask64>(some) << (16 * q);
    }
    return all;
  }
};

}  // namespace

void reorder_avx512(size_t rows, size_t n, const int8_t* k, size_t stride, size_t terms,
                    const uint32_t* order, int8_t* out) {
  for (size_t j = 0; j < terms; j += kPlaces) {
    const size_t here = std::min(kPlaces, terms - j);
    Indices indices;
    for (size_t q = 0; q < 4; ++q) {
      indices.quarters[q] = q * 16 < here ? _mm512_loadu_si512(order + j + q * 16)
                                          : _mm512_set1_epi32(static_cast<int>(kNothing));
    }
    const __m512i places = indices.places();
    for (size_t m = 0; m < rows; ++m)
      _mm512_mask_storeu_epi8(out + m * terms + j, first(here), _mm512_setzero_si512());
    for (size_t from = 0; from < n; from += kBytes) {
      const __mmask64 within = indices.within(from / kBytes);
      if (within == 0) continue;
      const size_t left = n - from, below = std::min<size_t>(left, 64);
      for (size_t m = 0; m < rows; ++m) {
        const int8_t* row = k + m * stride + from;
        const __m512i a = _mm512_maskz_loadu_epi8(first(below), row);
        const __m512i b = _mm512_maskz_loadu_epi8(first(left - below), row + below);
        _mm512_mask_storeu_epi8(out + m * terms + j, within,
                                _mm512_permutex2var_epi8(a, places, b));
      }
    }
  }
}

}  // namespace edgebnn
