// One step of many tensors in one call: each of w, g, m, v is read once, and each of w, m, v written once.
//
// A range of blocks is one thread's work. Numbers are computed in C (double for double, float otherwise) with the
// same operations wherever an element stands, so that neither threads nor layouts change a result. Nothing allows the
// compiler to reassociate or to contract: where a multiply-add is one rounding, the code says `fma`.

#include <stdint.h>
#include <string.h>

#if defined(__FMA__) || defined(__FP_FAST_FMAF) || defined(__aarch64__)
static inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else  // calling a library for it would cost more than the whole step
static inline float fma(float a, float b, float c) { return a * b + c; }
static inline double fma(double a, double b, double c) { return a * b + c; }
#endif
static inline float root(float x) { return __builtin_sqrtf(x); }
static inline double root(double x) { return __builtin_sqrt(x); }

// ---- formats of 16 bits

struct bf16 { uint16_t bits; };
struct f16 { uint16_t bits; };

static inline uint32_t bits_of(float x) { uint32_t b; memcpy(&b, &x, 4); return b; }
static inline float from_bits(uint32_t b) { float x; memcpy(&x, &b, 4); return x; }

// choice ? x : y without a jump, which would hinder vectors
static inline uint32_t either(bool choice, uint32_t x, uint32_t y) { return y ^ ((x ^ y) & -(uint32_t)choice); }

static inline double widen(double x) { return x; }
static inline float widen(float x) { return x; }
static inline float widen(bf16 x) { return from_bits((uint32_t)x.bits << 16); }
static inline float widen(f16 x) {
  const uint32_t magnitude = (uint32_t)(x.bits & 0x7fff) << 13, exponent = magnitude & 0x0f800000;
  const uint32_t normal = magnitude + 0x38000000;  // from a bias of 15 to one of 127
  const float tiny = from_bits(normal + 0x00800000) - from_bits(0x38800000);
  const uint32_t finite = either(exponent == 0, bits_of(tiny), normal);
  const uint32_t number = either(exponent == 0x0f800000, normal + 0x38000000, finite);
  return from_bits(number | (uint32_t)(x.bits & 0x8000) << 16);
}

// To nearest, ties to even, as torch rounds.
static inline void narrow(double x, double& out) { out = x; }
static inline void narrow(double x, float& out) { out = (float)x; }
static inline void narrow(float x, float& out) { out = x; }
static inline void narrow(float x, bf16& out) {
  const uint32_t b = bits_of(x), nearest = (b + 0x7fff + (b >> 16 & 1)) >> 16;
  out.bits = (uint16_t)(x == x ? nearest : 0x7fc0);
}
static inline void narrow(double x, bf16& out) { narrow((float)x, out); }
static inline void narrow(float x, f16& out) {
  const uint32_t b = bits_of(x), magnitude = b & 0x7fffffff;
  const uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
  const uint32_t tiny = bits_of(from_bits(magnitude) + 0.5f) - 0x3f000000;  // an addition that ends at 2^-24
  const uint32_t finite = either(magnitude < 0x38800000, tiny, normal);
  const uint32_t large = either(magnitude > 0x7f800000, 0x7e00, 0x7c00);
  out.bits = (uint16_t)(either(magnitude < 0x47800000, finite, large) | (b >> 16 & 0x8000));
}

// To one of the two neighbours, to each as likely as x is near to it; beyond the largest number, to nearest.
static inline void dither(float x, uint32_t random, bf16& out) {
  const uint32_t b = bits_of(x);
  narrow(x, out);
  out.bits = (b & 0x7fffffff) < 0x7f7f0000 ? (uint16_t)((b + (random & 0xffff)) >> 16) : out.bits;
}
static inline void dither(float x, uint32_t random, f16& out) {
  const uint32_t b = bits_of(x), magnitude = b & 0x7fffffff;
  const uint32_t normal = (magnitude - 0x38000000 + (random & 0x1fff)) >> 13;
  const bool small = magnitude < 0x38800000;  // below 2^-14 numbers are 2^-24 apart
  const float steps = from_bits(either(small, magnitude, 0)) * 0x1p24f;  // exact
  const float below = (float)(int32_t)steps, chance = ((float)(int32_t)(random >> 8) + 0.5f) * 0x1p-24f;
  const uint32_t tiny = (uint32_t)(int32_t)steps + (uint32_t)(chance < steps - below);
  narrow(x, out);
  const uint32_t chosen = either(small, tiny, normal) | (b >> 16 & 0x8000);
  out.bits = (uint16_t)either(magnitude < 0x477fe000, chosen, out.bits);
}
static inline void dither(double x, uint32_t random, bf16& out) { dither((float)x, random, out); }
template <class X, class Y> static inline void dither(X x, uint32_t, Y& out) { narrow(x, out); }  // to 32 bits or more

// ---- random words: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011)

enum { BLOCK = 512, WORDS = BLOCK / 4 };

// BLOCK words for a block of numbers of one kind: of weights, of first moments, ...
static inline void philox(uint64_t seed, uint32_t kind, uint32_t tensor, uint64_t block, uint32_t* __restrict out) {
  for (uint32_t j = 0; j < WORDS; j++) {
    uint32_t a = kind * WORDS + j, b = (uint32_t)block, c = (uint32_t)(block >> 32), d = tensor;
    uint32_t k = (uint32_t)seed, l = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
      const uint64_t p = (uint64_t)a * 0xD2511F53u, q = (uint64_t)c * 0xCD9E8D57u;
      a = (uint32_t)(q >> 32) ^ b ^ k;
      b = (uint32_t)q;
      c = (uint32_t)(p >> 32) ^ d ^ l;
      d = (uint32_t)p;
      k += 0x9E3779B9u;
      l += 0xBB67AE85u;
    }
    out[j] = a, out[WORDS + j] = b, out[2 * WORDS + j] = c, out[3 * WORDS + j] = d;
  }
}

// ---- the rule

struct Update {  // as in cpu.py
  double unscale, weight1, weight2, beta1, beta2, decay, penalty, oppose, tie, smallest_mean;
  int64_t rescaled, stochastic;
  uint64_t seed;
};

template <class C> struct Rule {
  C unscale, weight1, rest1, weight2, beta1, beta2, decay, penalty, agree, oppose, tie, rate, eps;
  bool near, penalised;

  Rule(const Update& u, const double* number)
      : unscale(u.unscale), weight1(u.weight1), rest1((C)1 - (C)u.weight1), weight2(u.weight2), beta1(u.beta1),
        beta2(u.beta2), decay(u.decay), penalty(u.penalty), agree(number[2]), oppose(u.oppose), tie(u.tie),
        rate(number[0]), eps(number[1]), near(u.weight1 < 0.5), penalised(u.penalty != 0) {}

  C gradient(C g, C w) const { return penalised ? fma(penalty, w, unscale * g) : unscale * g; }
  // torch.lerp: from the nearer end, so that weights of 0 and 1 are exact
  C mean(C m, C g) const { return near ? fma(weight1, g - m, m) : fma(-rest1, g - m, g); }
  C square(C v, C g) const { return fma(weight2 * g, g, beta2 * v); }
  C sign(C m, C g) const {
    const C c = fma(weight1, g, beta1 * m);
    return c == c ? (C)((c > 0) - (c < 0)) : c;  // in a chain of choices, jumps would hinder vectors
  }
  C momentum(C m, C g) const { return fma(weight2, g, beta2 * m); }
  static bool agrees(C u, C g) { return (bool)(((u > 0) & (g > 0)) | ((u < 0) & (g < 0))); }
  static bool opposes(C u, C g) { return (bool)(((u > 0) & (g < 0)) | ((u < 0) & (g > 0))); }
  C direct(C u, C g) const { return (agrees(u, g) ? agree : opposes(u, g) ? oppose : tie) * u; }
};

template <class T> struct Compute { typedef float type; };
template <> struct Compute<double> { typedef double type; };

// The hardware's own prefetching stops at the end of each page, too often for so many arrays.
enum { STRIP = 64, AHEAD = 768, LINE = 64 };

template <int WRITTEN, class X> static inline void fetch(const X* strip) {
  for (int k = 0; k < STRIP; k += LINE / sizeof(X)) __builtin_prefetch(strip + AHEAD + k, WRITTEN);
}

// To nearest, or by the random word of a place.
template <bool STOCHASTIC, class X, class Y> static inline void put(X x, const uint32_t* words, int64_t i, Y& out) {
  if (STOCHASTIC) dither(x, words[i], out);
  else narrow(x, out);
}

// arrays: w, g, m, for Adam v, for AMSGrad the largest v. A type for w, one for g, one for the moments.
// words: BLOCK for w and for each of the moments.
template <class T, class G, class M, int MOMENTS, bool STOCHASTIC>
static void move(int64_t n, void* const* arrays, const Rule<typename Compute<T>::type>& r, const uint32_t* words) {
  typedef typename Compute<T>::type C;
  T* __restrict w = (T*)arrays[0];
  const G* __restrict g = (const G*)arrays[1];
  M* __restrict m = (M*)arrays[2];
  M* __restrict v = MOMENTS > 1 ? (M*)arrays[3] : 0;
  M* __restrict x = MOMENTS > 2 ? (M*)arrays[4] : 0;
  for (int64_t strip = 0; strip < n; strip += STRIP) {
    const int64_t end = strip + STRIP < n ? strip + STRIP : n;
    fetch<1>(w + strip), fetch<0>(g + strip), fetch<1>(m + strip);
    if (MOMENTS > 1) fetch<1>(v + strip);
    if (MOMENTS > 2) fetch<1>(x + strip);
#pragma GCC ivdep
    for (int64_t i = strip; i < end; i++) {
      const C w0 = widen(w[i]), m0 = widen(m[i]), g1 = r.gradient(widen(g[i]), w0);
      C step, m1;
      if (MOMENTS == 1) {
        step = r.direct(r.sign(m0, g1), g1) * r.rate;
        m1 = r.momentum(m0, g1);
      } else {
        m1 = r.mean(m0, g1);
        C v1 = r.square(widen(v[i]), g1);
        put<STOCHASTIC>(v1, words + 2 * BLOCK, i, v[i]);
        if (MOMENTS == 3) {
          const C x0 = widen(x[i]);
          v1 = (v1 > x0) | (v1 != v1) ? v1 : x0;
          put<STOCHASTIC>(v1, words + 3 * BLOCK, i, x[i]);
        }
        step = r.rate * r.direct(m1, g1) / (root(v1) + r.eps);
      }
      put<STOCHASTIC>(m1, words + BLOCK, i, m[i]);
      put<STOCHASTIC>(r.decay * w0 + step, words, i, w[i]);
    }
  }
}

template <class T, class G, class M, int MOMENTS, bool PENALISED>
static int64_t agreeing(int64_t n, void* const* arrays, const Rule<typename Compute<T>::type>& r) {
  typedef typename Compute<T>::type C;
  const T* __restrict w = (const T*)arrays[0];
  const G* __restrict g = (const G*)arrays[1];
  const M* __restrict m = (const M*)arrays[2];
  int64_t total = 0;
  for (int64_t strip = 0; strip < n; strip += STRIP) {
    const int64_t end = strip + STRIP < n ? strip + STRIP : n;
    fetch<0>(g + strip), fetch<0>(m + strip);
    if (PENALISED) fetch<0>(w + strip);
    int32_t count = 0;
    for (int64_t i = strip; i < end; i++) {
      const C m0 = widen(m[i]), g1 = r.gradient(widen(g[i]), PENALISED ? widen(w[i]) : 0);
      count += r.agrees(MOMENTS == 1 ? r.sign(m0, g1) : r.mean(m0, g1), g1);
    }
    total += count;
  }
  return total;
}

// ---- many tensors, many threads

struct Tensors {
  int64_t count;
  const int64_t* sizes;   // of each tensor
  void* const* arrays;    // MOMENTS + 2 times one of each tensor
  const double* numbers;  // of each tensor: rate, eps, what agreeing coordinates are multiplied by
  int64_t* agreeing;      // of each tensor, 0 at first
};

struct Share {  // of one tensor, all of which may be a thread's
  int64_t tensor, first, length;
  bool whole;
};

// Calls visit(Share) for what a thread has of each tensor: blocks are shared out evenly.
template <class F> static void share(const Tensors& t, int64_t thread, int64_t threads, F visit) {
  int64_t blocks = 0, passed = 0;
  for (int64_t i = 0; i < t.count; i++) blocks += (t.sizes[i] + BLOCK - 1) / BLOCK;
  const int64_t begin = blocks * thread / threads, end = blocks * (thread + 1) / threads;
  for (int64_t i = 0; i < t.count && passed < end; i++) {
    const int64_t own = (t.sizes[i] + BLOCK - 1) / BLOCK;
    const int64_t first = begin > passed ? begin - passed : 0, last = end - passed < own ? end - passed : own;
    const int64_t stop = last * BLOCK < t.sizes[i] ? last * BLOCK : t.sizes[i];
    if (first < last) visit(Share{i, first * BLOCK, stop - first * BLOCK, first == 0 && last == own});
    passed += own;
  }
}

template <class T, class G, class M, int MOMENTS> struct Kernel {
  typedef typename Compute<T>::type C;
  const Update& u;
  const Tensors& t;

  struct At {
    void* arrays[MOMENTS + 2];
    At(const Tensors& t, const Share& s, int64_t offset) {
      const int64_t at = s.first + offset;
      for (int j = 0; j < MOMENTS + 2; j++)
        arrays[j] = (char*)t.arrays[j * t.count + s.tensor] + at * (j == 0 ? sizeof(T) : j == 1 ? sizeof(G) : sizeof(M));
    }
  };

  int64_t count(const Share& s) const {
    const At at(t, s, 0);
    const Rule<C> r(u, t.numbers + 3 * s.tensor);
    return r.penalised ? agreeing<T, G, M, MOMENTS, true>(s.length, at.arrays, r)
                       : agreeing<T, G, M, MOMENTS, false>(s.length, at.arrays, r);
  }

  void step(const Share& s) const {
    Rule<C> r(u, t.numbers + 3 * s.tensor);
    if (u.rescaled) {
      const double mean = (double)t.agreeing[s.tensor] / (double)t.sizes[s.tensor];
      r.agree = (C)(1 / (mean > u.smallest_mean ? mean : u.smallest_mean));
    }
    if (!u.stochastic || (sizeof(T) > 2 && sizeof(M) > 2))
      return move<T, G, M, MOMENTS, false>(s.length, At(t, s, 0).arrays, r, 0);
    uint32_t words[(MOMENTS + 1) * BLOCK];
    for (int64_t i = 0; i < s.length; i += BLOCK) {
      for (int kind = sizeof(T) > 2; kind < (sizeof(M) > 2 ? 1 : MOMENTS + 1); kind++)
        philox(u.seed, kind, (uint32_t)s.tensor, (uint64_t)((s.first + i) / BLOCK), words + kind * BLOCK);
      const int64_t n = s.length - i < BLOCK ? s.length - i : BLOCK;
      move<T, G, M, MOMENTS, true>(n, At(t, s, i).arrays, r, words);
    }
  }

  template <class F> void each(int64_t threads, F visit) const {
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t thread = 0; thread < threads; thread++) share(t, thread, threads, visit);
  }

  void add_count(const Share& s) const { __atomic_fetch_add(t.agreeing + s.tensor, count(s), __ATOMIC_RELAXED); }

  // A mask that is all one thread's is counted just before its tensor moves, which may then lie in the cache still.
  void run(int64_t threads) const {
    if (!u.rescaled) return each(threads, [&](const Share& s) { step(s); });
    each(threads, [&](const Share& s) {
      add_count(s);
      if (s.whole) step(s);
    });
    each(threads, [&](const Share& s) {
      if (!s.whole) step(s);
    });
  }

  void count_only(int64_t threads) const {
    each(threads, [&](const Share& s) { add_count(s); });
  }
};

#define ENTRIES(MOMENTS) \
  extern "C" void step_##MOMENTS(int64_t threads, const Update* u, const Tensors* t) { \
    Kernel<PARAMETER, GRADIENT, MOMENT, MOMENTS>{*u, *t}.run(threads); \
  } \
  extern "C" void count_##MOMENTS(int64_t threads, const Update* u, const Tensors* t) { \
    Kernel<PARAMETER, GRADIENT, MOMENT, MOMENTS>{*u, *t}.count_only(threads); \
  }
ENTRIES(1)
ENTRIES(2)
ENTRIES(3)

// Adds 1 to each step count, and tells what they are then.
extern "C" void advance(int64_t n, float* const* counts, double* values) {
  for (int64_t i = 0; i < n; i++) values[i] = *counts[i] += 1;
}
