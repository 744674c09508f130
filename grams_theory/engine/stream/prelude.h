// What the generated loops are made of: numbers of LANES rows at a time, with IEEE rounding in every lane.
#include <cfenv>
#include <cmath>

#define INLINE static inline __attribute__((always_inline))
constexpr int LANES = 8;
typedef double D __attribute__((vector_size(8 * LANES)));
typedef float F __attribute__((vector_size(4 * LANES)));
typedef long M __attribute__((vector_size(8 * LANES)));  // truth values: -1 and 0
typedef int N __attribute__((vector_size(4 * LANES)));

INLINE D d(double x) { return D{} + x; }
INLINE D d(D x) { return x; }
INLINE D d(F x) { return __builtin_convertvector(x, D); }
INLINE F f(double x) { return F{} + (float)x; }
INLINE F f(D x) { return __builtin_convertvector(x, F); }
INLINE F f(F x) { return x; }
INLINE M m(bool x) { return M{} - (long)x; }
INLINE M m(M x) { return x; }
INLINE M m(N x) { return __builtin_convertvector(x, M); }
INLINE M m(D x) { return x != 0; }
INLINE D where(M c, D a, D b) { return c ? a : b; }
INLINE F where(M c, F a, F b) { return __builtin_convertvector(c, N) ? a : b; }
INLINE M where(M c, M a, M b) { return (c & a) | (~c & b); }
INLINE D d(M x) { return where(x, d(1.0), d(0.0)); }
INLINE F f(M x) { return where(x, f(1.0), f(0.0)); }

template <class V> INLINE V lanewise(V x, double (*function)(double)) {
  for (int l = 0; l < LANES; l++) x[l] = function(x[l]);
  return x;
}
#define LANEWISE(name) \
  template <class V> INLINE V name(V x) { return lanewise(x, [](double y) { return std::name(y); }); }
LANEWISE(exp)
LANEWISE(expm1)
LANEWISE(log)
LANEWISE(log1p)
LANEWISE(sin)
LANEWISE(cos)
LANEWISE(sinh)
LANEWISE(cosh)
LANEWISE(tanh)

INLINE F root(F x) {
  for (int l = 0; l < LANES; l++) x[l] = __builtin_sqrtf(x[l]);
  return x;
}
INLINE D size(D x) { return (D)((M)x & 0x7fffffffffffffffL); }
INLINE F size(F x) { return (F)((N)x & 0x7fffffff); }
INLINE D sign(D x) { return where(x > 0, d(1.0), where(x < 0, d(-1.0), d(0.0))); }
INLINE F sign(F x) { return where(m(x > 0), f(1.0), where(m(x < 0), f(-1.0), f(0.0))); }
// A NaN of either side is kept, as by torch. Constants are not NaN.
template <class V> INLINE V larger_constant(V a, V b) { return where(m(b > a), b, a); }
template <class V> INLINE V smaller_constant(V a, V b) { return where(m(b < a), b, a); }
#ifdef __AVX512F__
#include <immintrin.h>
INLINE D larger_constant(D a, D b) { return (D)_mm512_max_pd((__m512d)b, (__m512d)a); }
INLINE D smaller_constant(D a, D b) { return (D)_mm512_min_pd((__m512d)b, (__m512d)a); }
#endif
template <class V> INLINE V larger(V a, V b) { return where(m(b != b), b, larger_constant(a, b)); }
template <class V> INLINE V smaller(V a, V b) { return where(m(b != b), b, smaller_constant(a, b)); }

template <class V> INLINE V quotient(V x, V c) { return x / c; }
#ifdef __FMA__
INLINE D fused(D a, D b, D c) {
  for (int l = 0; l < LANES; l++) a[l] = __builtin_fma(a[l], b[l], c[l]);
  return a;
}
// x / c by q = x (1 / c) and its remainder, which a fused multiply-add gives exactly: q + (x - q c) / c is off by one
// rounding and 2^-100 of it (Markstein, IBM J. Res. Dev. 34, 1990). Radii have 2^-40 to spare.
INLINE D quotient_constant(D x, D c) {
  const D inverse = 1.0 / c, q = x * inverse;
  return fused(fused(-q, c, x), inverse, q);
}
#else
INLINE D quotient_constant(D x, D c) { return x / c; }
#endif
INLINE F quotient_constant(F x, F c) { return x / c; }
#ifdef __AVX512F__
// The root q of x and h = 1 / (2 q), from 14 bits, doubled twice, and at last by the remainder x - q^2, as above.
INLINE D root(D x) {
  const D zero = {}, y = (D)_mm512_maskz_rsqrt14_pd(_mm512_cmp_pd_mask((__m512d)x, (__m512d)zero, _CMP_NEQ_UQ), (__m512d)x);
  D q = x * y, h = 0.5 * y;
  for (int doubled = 0; doubled < 2; doubled++) {
    const D e = fused(-h, q, d(0.5));
    q = fused(q, e, q), h = fused(h, e, h);
  }
  return fused(fused(-q, q, x), h, q);
}
#else
INLINE D root(D x) {
  for (int l = 0; l < LANES; l++) x[l] = __builtin_sqrt(x[l]);
  return x;
}
#endif
