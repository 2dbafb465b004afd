#include "jobs/logistic_regression/gradient.h"

#include <array>

// Vectors of the compiler's own: eight lanes, which it splits where the processor's registers are narrower. The loader
// picks the widest version that the processor can run. (Compiled without contraction of a*b+c, see CMakeLists.txt: a
// fused multiply-add would round differently.)

namespace millrace::jobs {
namespace {

constexpr std::size_t lanes = PointBlock::lanes;
typedef double Lanes __attribute__((vector_size(lanes * sizeof(double))));
typedef double Unaligned __attribute__((vector_size(lanes * sizeof(double)), aligned(1), may_alias));
typedef std::int64_t Words __attribute__((vector_size(lanes * sizeof(double)), may_alias));
typedef double Aliasing __attribute__((vector_size(lanes * sizeof(double)), may_alias));

#define MILLRACE_INLINE __attribute__((always_inline)) inline

/// One feature of the points of a group.
MILLRACE_INLINE const Unaligned& at(const char* group, std::size_t feature) {
  return *reinterpret_cast<const Unaligned*>(group + feature * sizeof(Lanes));
}

/// x := 1 / (1 + exp(x)), for |x| up to 700; beyond, as if it were 700. exp(x) = 2^n exp(r), |r| <= ln(2)/2, with
/// Taylor's terms up to degree 11: what is cut off is below one unit in the last place.
MILLRACE_INLINE void complement_of_sigmoid(Lanes& x) {
  constexpr double to_integer = 0x1.8p52;  // adding it leaves the rounded value in the lowest bits
  const Lanes most = Lanes{} + 700.0;
  x = x > most ? most : x;
  x = x < -most ? -most : x;
  const Lanes shifted = x * 1.4426950408889634 + to_integer;
  const Lanes n = shifted - to_integer;
  const Lanes r = x - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10;
  constexpr std::array<double, 11> terms = {1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120,
                                            1.0 / 24,      1.0 / 6,      1.0 / 2,     1.0,        1.0};
  Lanes sum = Lanes{} + 1.0 / 39916800;
  for (const double term : terms) sum = sum * r + term;
  const Words power = (reinterpret_cast<const Words&>(shifted) << 52) + reinterpret_cast<const Words&>(sum);
  x = 1.0 / (1.0 + reinterpret_cast<const Aliasing&>(power));
}

}  // namespace

// The loader picks the version before the thread sanitizer is there for the code that picks.
#ifdef __SANITIZE_THREAD__
#define MILLRACE_VERSIONS
#else
#define MILLRACE_VERSIONS __attribute__((target_clones("avx512f", "avx2", "default")))
#endif

MILLRACE_VERSIONS void add_gradient(const PointBlock& block, std::span<const double> weights,
                                    std::span<double> gradient) {
  constexpr std::size_t groups = PointBlock::capacity / lanes;
  const char* const values = block.values.data();
  const std::size_t group_bytes = weights.size() * sizeof(Lanes);
  Lanes share[groups];
  // Both loops are over the same values, the second from the cache: they fetch a half each of the block that probably
  // comes next, so that memory is never idle. (Addresses behind the last block do no harm.)
  const char* const next = values + block.values.size() + PointBlock::alignment;
  const char* const second_half = next + block.values.size() / 2;
  for (std::size_t i = 0; i < groups; i += 2) {
    Lanes a = {};
    Lanes b = {};
    const char* const group = values + i * group_bytes;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      __builtin_prefetch(next + (i / 2 * weights.size() + j) * sizeof(Lanes), 0, 2);
      a += weights[j] * at(group, j);
      b += weights[j] * at(group + group_bytes, j);
    }
    complement_of_sigmoid(a);
    complement_of_sigmoid(b);
    share[i] = a;
    share[i + 1] = b;
  }
  for (std::size_t j = 0; j < gradient.size(); ++j) {
    Lanes even = {};
    Lanes odd = {};
    for (std::size_t i = 0; i < groups; i += 2) {
      const char* const group = values + i * group_bytes;
      __builtin_prefetch(second_half + (i / 2 * weights.size() + j) * sizeof(Lanes), 0, 2);
      even += share[i] * at(group, j);
      odd += share[i + 1] * at(group + group_bytes, j);
    }
    const Lanes sum = even + odd;
    gradient[j] += ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
  }
}

}  // namespace millrace::jobs
