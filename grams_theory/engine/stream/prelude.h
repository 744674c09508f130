// What the generated loops are made of: numbers of LANES rows at a time, with IEEE rounding in every lane.
#include <cfenv>
#include <cmath>
#ifdef __FMA__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
constexpr int LANES = 8;
typedef double D __attribute__((vector_size(8 * LANES)));
typedef float F __attribute__((vector_size(4 * LANES)));
typedef long L __attribute__((vector_size(8 * LANES)));
typedef int N __attribute__((vector_size(4 * LANES)));

INLINE D d(double x) { return D{} + x; }
INLINE D d(D x) { return x; }
INLINE D d(F x) { return __builtin_convertvector(x, D); }
INLINE F f(double x) { return F{} + (float)x; }
INLINE F f(D x) { return __builtin_convertvector(x, F); }
INLINE F f(F x) { return x; }

// M: a truth value in each lane.
#ifdef __AVX512VL__
typedef __mmask8 M;
INLINE M m(bool x) { return x ? -1 : 0; }
INLINE M m(M x) { return x; }
INLINE M m(L x) { return _mm512_movepi64_mask((__m512i)x); }
INLINE void put(M& x, int l, bool value) { x = (x & ~(1 << l)) | value << l; }
INLINE int count_of(M x) { return __builtin_popcount(x); }
INLINE D where(M c, D a, D b) { return (D)_mm512_mask_blend_pd(c, (__m512d)b, (__m512d)a); }
INLINE L where(M c, L a, L b) { return (L)_mm512_mask_blend_epi64(c, (__m512i)b, (__m512i)a); }
INLINE F where(M c, F a, F b) { return (F)_mm256_mask_blend_ps(c, (__m256)b, (__m256)a); }
#define COMPARISON(name, op, code)                                                              \
  INLINE M name(D a, D b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, code); }          \
  INLINE M name(F a, F b) { return _mm256_cmp_ps_mask((__m256)a, (__m256)b, code); }
#else
typedef L M;  // -1 and 0
INLINE M m(bool x) { return M{} - (long)x; }
INLINE M m(M x) { return x; }
INLINE void put(M& x, int l, bool value) { x[l] = -(long)value; }
INLINE int count_of(M x) {
  long found = 0;
  for (int l = 0; l < LANES; l++) found -= x[l];
  return found;
}
INLINE D where(M c, D a, D b) { return c ? a : b; }
INLINE L where(M c, L a, L b) { return c ? a : b; }
INLINE F where(M c, F a, F b) { return __builtin_convertvector(c, N) ? a : b; }
#define COMPARISON(name, op, code)        \
  INLINE M name(D a, D b) { return a op b; } \
  INLINE M name(F a, F b) { return __builtin_convertvector(a op b, M); }
#endif
COMPARISON(lt, <, _CMP_LT_OQ)
COMPARISON(le, <=, _CMP_LE_OQ)
COMPARISON(gt, >, _CMP_GT_OQ)
COMPARISON(ge, >=, _CMP_GE_OQ)
COMPARISON(eq, ==, _CMP_EQ_OQ)
COMPARISON(ne, !=, _CMP_NEQ_UQ)
INLINE M eq(M a, M b) { return ~(a ^ b); }
INLINE M ne(M a, M b) { return a ^ b; }
INLINE M where(M c, M a, M b) { return (c & a) | (~c & b); }
INLINE M m(D x) { return ne(x, D{}); }
INLINE D d(M x) { return where(x, d(1.0), d(0.0)); }
INLINE F f(M x) { return where(x, f(1.0), f(0.0)); }
INLINE void put(D& x, int l, double value) { x[l] = value; }
INLINE void put(F& x, int l, float value) { x[l] = value; }

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
INLINE D size(D x) { return (D)((L)x & 0x7fffffffffffffffL); }
INLINE F size(F x) { return (F)((N)x & 0x7fffffff); }
template <class V> INLINE V sign(V x) {
  return where(gt(x, V{}), V{} + 1, where(lt(x, V{}), V{} - 1, V{}));
}
// x sign(y) for x >= 0
#ifdef __AVX512VL__
INLINE D signed_as(D x, D y) {
  const __m512i sign = _mm512_set1_epi64(1L << 63);  // x | (y & sign)
  return (D)_mm512_maskz_ternarylogic_epi64(ne(y, D{}), (__m512i)x, (__m512i)y, sign, 0xf8);
}
INLINE F signed_as(F x, F y) {
  const __m256i sign = _mm256_set1_epi32(1 << 31);
  return (F)_mm256_maskz_ternarylogic_epi32(ne(y, F{}), (__m256i)x, (__m256i)y, sign, 0xf8);
}
#else
template <class V> INLINE V signed_as(V x, V y) { return x * sign(y); }
#endif
// A NaN of either side is kept, as by torch. Constants are not NaN.
template <class V> INLINE V larger_constant(V a, V b) { return where(gt(b, a), b, a); }
template <class V> INLINE V smaller_constant(V a, V b) { return where(lt(b, a), b, a); }
#ifdef __AVX512F__
INLINE D larger_constant(D a, D b) { return (D)_mm512_max_pd((__m512d)b, (__m512d)a); }
INLINE D smaller_constant(D a, D b) { return (D)_mm512_min_pd((__m512d)b, (__m512d)a); }
#endif
template <class V> INLINE V larger(V a, V b) { return where(ne(b, b), b, larger_constant(a, b)); }
template <class V> INLINE V smaller(V a, V b) { return where(ne(b, b), b, smaller_constant(a, b)); }

// As ATen: one rounding where the machine has it.
INLINE D fused(D a, D b, D c) {
#ifdef __AVX512F__
  return (D)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
  for (int l = 0; l < LANES; l++) a[l] = __builtin_fma(a[l], b[l], c[l]);
  return a;
#else
  return a * b + c;
#endif
}
INLINE F fused(F a, F b, F c) {
#ifdef __FMA__
  return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
template <class V> INLINE V fused_from(V a, V b, V c) { return fused(-a, b, c); }
template <class V> INLINE V fused_less(V a, V b, V c) { return fused(a, b, -c); }

template <class V> INLINE V quotient(V x, V c) { return x / c; }
#ifdef __FMA__
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
// The root q of x and h = 1 / (2 q) from 14 bits, doubled twice. q is off by less than 3 units of roundoff: half of what
// sets q and h apart, 3 roundings; 3/2 of the square of its error before, 3/2 2^-28; and its own rounding.
// Then it is corrected by its remainder x - q^2, as above.
INLINE D root(D x) {
  const D zero = {}, y = (D)_mm512_maskz_rsqrt14_pd(ne(x, zero), (__m512d)x);
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
