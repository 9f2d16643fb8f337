// One word of four units a vector, against one word of a row, broadcast: xor, the bits of each byte
// by two look-ups of its halves (VPSHUFB), and every 31 words the bytes of a unit summed (VPSADBW).
#include <immintrin.h>

#include "kernels/binary_binary/binary_binary.h"

namespace edgebnn {
namespace {

constexpr size_t kRows = 2;
constexpr size_t kWordsInBytes = 31;  // 31 · 8 bits fit a byte

// R rows times eight units, of which `left` are there.
template <size_t R>
inline void block(size_t words, int32_t bits, const uint64_t* x, const uint64_t* w, size_t left,
                  size_t stride, int32_t* y) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                          2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
  __m256i differ[R][2];
  for (auto& row : differ) row[0] = row[1] = zero;
  for (size_t first = 0; first < words; first += kWordsInBytes) {
    const size_t end = words - first < kWordsInBytes ? words : first + kWordsInBytes;
    __m256i bytes[R][2];
    for (auto& row : bytes) row[0] = row[1] = zero;
    for (size_t k = first; k < end; ++k) {
      for (size_t v = 0; v < 2; ++v) {
        const auto* at = reinterpret_cast<const __m256i*>(w + k * kUnitsTogether + v * 4);
        const __m256i units = _mm256_loadu_si256(at);
        for (size_t m = 0; m < R; ++m) {
          const __m256i word = _mm256_set1_epi64x(static_cast<long long>(x[m * words + k]));
          const __m256i other = _mm256_xor_si256(word, units);
          const __m256i low = _mm256_and_si256(other, nibble);
          const __m256i high = _mm256_and_si256(_mm256_srli_epi16(other, 4), nibble);
          const __m256i count =
              _mm256_add_epi8(_mm256_shuffle_epi8(counts, low), _mm256_shuffle_epi8(counts, high));
          bytes[m][v] = _mm256_add_epi8(bytes[m][v], count);
        }
      }
    }
    for (size_t m = 0; m < R; ++m) {
      for (size_t v = 0; v < 2; ++v)
        differ[m][v] = _mm256_add_epi64(differ[m][v], _mm256_sad_epu8(bytes[m][v], zero));
    }
  }
  for (size_t m = 0; m < R; ++m) {
    alignas(32) int64_t counted[kUnitsTogether];
    for (size_t v = 0; v < 2; ++v)
      _mm256_store_si256(reinterpret_cast<__m256i*>(counted + v * 4), differ[m][v]);
    for (size_t n = 0; n < left; ++n)
      y[m * stride + n] = bits - 2 * static_cast<int32_t>(counted[n]);
  }
}

}  // namespace

void binary_binary_avx2(size_t rows, size_t units, size_t words, int32_t bits, const uint64_t* x,
                        const uint64_t* w, int32_t* y) {
  for (size_t n = 0; n < units; n += kUnitsTogether) {
    const size_t left = units - n < kUnitsTogether ? units - n : kUnitsTogether;
    const uint64_t* strip = w + n * words;
    size_t m = 0;
    for (; m + kRows <= rows; m += kRows)
      block<kRows>(words, bits, x + m * words, strip, left, units, y + m * units + n);
    if (m < rows) block<1>(words, bits, x + m * words, strip, left, units, y + m * units + n);
  }
}

}  // namespace edgebnn
