// Logistic regression by 20 passes of gradient ascent over CSV lines of 10 features and a label, 0 or 1:
// weights += sum over points of (label - sigmoid(weights . x)) * x / points, from zero weights. Prints a weight a line;
// on standard error, the seconds of the load and of a pass (their median).
//
// Eight points lie together, feature by feature, so that a vector holds one feature of eight points; the exponential is
// a polynomial of degree 11 after the reduction to half of ln 2. A pass reads every point once.
#include <barrier>
#include <charconv>
#include <chrono>
#include <immintrin.h>
#include <utility>

#include "lines.h"

namespace {

using namespace reference;

constexpr std::size_t kFeatures = 10;
constexpr std::size_t kLanes = 8;
constexpr int kPasses = 20;

struct alignas(64) Points {
  double x[kFeatures][kLanes];
};

// The points of one thread, in groups of eight, the last one filled up with zeros, which add nothing to a gradient.
struct Share {
  std::vector<std::pair<const char*, const char*>> lines;
  Points* groups = nullptr;
  std::uint8_t* labels = nullptr;
  std::size_t size = 0;
  alignas(64) double gradient[kFeatures] = {};
};

// Six decimals or fewer, seven digits before them or fewer: exact with one division. Anything else goes the long way.
double parse_number(const char*& at, const char* end) {
  const char* from = at;
  const bool negative = *at == '-';
  at += negative ? 1 : 0;
  std::uint64_t digits = 0;
  const char* start = at;
  while (static_cast<unsigned>(*at - '0') < 10) digits = digits * 10 + static_cast<unsigned>(*at++ - '0');
  std::ptrdiff_t decimals = 0;
  if (*at == '.') {
    const char* point = at++;
    while (static_cast<unsigned>(*at - '0') < 10) digits = digits * 10 + static_cast<unsigned>(*at++ - '0');
    decimals = at - point - 1;
  }
  static constexpr double kPowers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
  if (decimals <= 6 && at - start <= 14 && at > start && *at != 'e' && *at != 'E') {
    const double value = static_cast<double>(digits) / kPowers[decimals];
    return negative ? -value : value;
  }
  double value = 0;
  const std::from_chars_result result = std::from_chars(from, end, value);
  if (result.ec != std::errc{}) {
    std::fprintf(stderr, "not a number: %.20s\n", from);
    std::exit(1);
  }
  at = result.ptr;
  return value;
}

void load_points(std::string_view text, unsigned part, unsigned parts, Share& share) {
  const char* at = line_start(text, text.size() * part / parts);
  const char* end = line_start(text, text.size() * (part + 1) / parts);
  // A line has at least two bytes a value: room for the most points there can be, touched only as they come.
  const std::size_t most = static_cast<std::size_t>(end - at) / (2 * kFeatures) / kLanes + 2;
  share.groups = allocate<Points>(most);
  share.labels = allocate<std::uint8_t>(most);
  for (; at < end; ++share.size) {
    Points& group = share.groups[share.size / kLanes];
    for (std::size_t j = 0; j < kFeatures; ++j) {
      group.x[j][share.size % kLanes] = parse_number(at, end);
      if (at < end && *at == ',') ++at;
    }
    const auto bit = static_cast<std::uint8_t>(parse_number(at, end) != 0 ? 1U << share.size % kLanes : 0);
    share.labels[share.size / kLanes] = static_cast<std::uint8_t>(share.labels[share.size / kLanes] | bit);
    while (at < end && *at != '\n') ++at;
    ++at;
  }
}

__m512d exponential(__m512d x) {
  x = _mm512_maskz_max_pd(0xff, x, _mm512_set1_pd(-708));
  x = _mm512_maskz_min_pd(0xff, x, _mm512_set1_pd(709));
  const __m512d n = _mm512_maskz_roundscale_pd(0xff, _mm512_mul_pd(x, _mm512_set1_pd(1.4426950408889634)), 0);
  __m512d r = _mm512_fnmadd_pd(n, _mm512_set1_pd(6.93147180369123816490e-01), x);
  r = _mm512_fnmadd_pd(n, _mm512_set1_pd(1.90821492927058770002e-10), r);
  // Taylor's terms: at |r| <= ln(2)/2 what is cut off is below one unit in the last place.
  static constexpr double kTerms[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       1.0 / 2,      1.0,         1.0};
  __m512d sum = _mm512_set1_pd(kTerms[0]);
  for (std::size_t i = 1; i < std::size(kTerms); ++i) sum = _mm512_fmadd_pd(sum, r, _mm512_set1_pd(kTerms[i]));
  return _mm512_maskz_scalef_pd(0xff, sum, n);
}

void add_gradient(Share& share, const double* weights) {
  __m512d gradient[kFeatures];
  __m512d weight[kFeatures];
  for (std::size_t j = 0; j < kFeatures; ++j) {
    gradient[j] = _mm512_setzero_pd();
    weight[j] = _mm512_set1_pd(-weights[j]);
  }
  const __m512d one = _mm512_set1_pd(1);
  for (std::size_t i = 0; i * kLanes < share.size; ++i) {
    const Points& group = share.groups[i];
    __m512d even = _mm512_setzero_pd();
    __m512d odd = _mm512_setzero_pd();
    for (std::size_t j = 0; j < kFeatures; j += 2) {
      even = _mm512_fmadd_pd(weight[j], _mm512_load_pd(group.x[j]), even);
      odd = _mm512_fmadd_pd(weight[j + 1], _mm512_load_pd(group.x[j + 1]), odd);
    }
    const __m512d sigmoid = _mm512_div_pd(one, _mm512_add_pd(one, exponential(_mm512_add_pd(even, odd))));
    const __m512d error = _mm512_sub_pd(_mm512_maskz_mov_pd(share.labels[i], one), sigmoid);
    for (std::size_t j = 0; j < kFeatures; ++j) {
      gradient[j] = _mm512_fmadd_pd(error, _mm512_load_pd(group.x[j]), gradient[j]);
    }
  }
  for (std::size_t j = 0; j < kFeatures; ++j) {
    alignas(64) double lanes[kLanes];
    _mm512_store_pd(lanes, gradient[j]);
    share.gradient[j] =
        ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, 1, "INPUT");
  const auto start = std::chrono::steady_clock::now();
  const InputFile input(arguments.operands[0]);
  const std::string_view text = input.map();
  const unsigned threads = arguments.threads;
  std::vector<Share> shares(threads);
  double weights[kFeatures] = {};
  std::vector<double> seconds;
  double load_seconds = 0;
  auto pass_start = start;
  bool loaded = false;
  const auto on_all = [&]() noexcept {
    if (!std::exchange(loaded, true)) {
      load_seconds = seconds_since(start);
    } else {
      std::size_t points = 0;
      for (const Share& share : shares) points += share.size;
      for (std::size_t j = 0; j < kFeatures; ++j) {
        double sum = 0;
        for (const Share& share : shares) sum += share.gradient[j];
        weights[j] += sum / static_cast<double>(points);
      }
      seconds.push_back(seconds_since(pass_start));
    }
    pass_start = std::chrono::steady_clock::now();
  };
  std::barrier all(static_cast<std::ptrdiff_t>(threads), on_all);
  parallel(threads, [&](unsigned t) {
    load_points(text, t, threads, shares[t]);
    all.arrive_and_wait();
    for (int pass = 0; pass < kPasses; ++pass) {
      add_gradient(shares[t], weights);
      all.arrive_and_wait();
    }
  });
  std::sort(seconds.begin(), seconds.end());
  std::fprintf(stderr, "load_seconds %.6f\npass_seconds %.6f\n", load_seconds, seconds[seconds.size() / 2]);
  Writer writer(arguments.output);
  for (double weight : weights) {
    char digits[32];
    const char* end = std::to_chars(digits, digits + sizeof digits, weight).ptr;
    writer.append(digits, static_cast<std::size_t>(end - digits));
    writer.append('\n');
  }
  writer.flush();
  finish();
}
