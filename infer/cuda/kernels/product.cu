// Products of quantized weights with few vectors: bound by how fast weights
// come from memory. A warp has a row, and reads it chunk by chunk as it lies in
// the file: its lanes read next to each other, and the integer products of a
// group meet in four of them.
#include "term.h"

// chunk_sum is what a chunk adds to the product with vector t; every lane has it.
template <class T> DEVICE float chunk_sum(const Piece &p, const Inputs &x, int chunk, int t) {
  int group = chunk * 8 + lane() / 4, groups = x.cols / 32;
  int i[2] = {0, 0};
  float d = 0, sums[2] = {0, 0};
  if (group < groups) {
    const uint8 *q = (const uint8 *)x.q + (long long)t * x.cols + group * 32 + lane() % 4 * 4;
    long long at = (long long)t * groups + group;
    i[0] = dot4(p.first, word4(q), 0);
    i[T::group == 16] = dot4(p.second, word4(q + 16), i[T::group == 16]);
    d = read(x.d + at);
    if (T::minima) half_sums<T>(sums, d, read(x.halves + at));
  }
  for (int mask = 1; mask < 4; mask *= 2) {
    i[0] += shuffle_xor(i[0], mask);
    if (T::group == 16) i[1] += shuffle_xor(i[1], mask);
  }
  float v = term<T>(i, p.scale, p.minimum, d, sums);
  for (int mask = 4; mask < 32; mask *= 2) v += shuffle_xor(v, mask);
  return v;
}

// product_row multiplies the warp's row with vectors from to from+N-1, those
// below x.n, and delivers the results at dst rows first and following. It asks
// memory for some chunks at a time.
template <class T, int N, int Chunks> DEVICE void product_row(const Matrix &m, const Inputs &x, int block, int from, int first, int add) {
  int row = block * 4 + warp(), groups = x.cols / 32;
  if (row >= m.rows) return;
  const uint8 *weights = (const uint8 *)m.weights + row * row_bytes<T>(x.cols);
  float totals[N] = {};
#pragma unroll 1
  for (int chunk = 0; chunk * 8 < groups; chunk += Chunks) {
    Piece p[Chunks];
#pragma unroll
    for (int i = 0; i < Chunks; i++) p[i] = lane_piece<T>(weights, chunk + i, groups);
#pragma unroll
    for (int t = 0; t < N; t++)
      if (from + t < x.n)
#pragma unroll
        for (int i = 0; i < Chunks; i++) totals[t] += chunk_sum<T>(p[i], x, chunk + i, from + t);
  }
#pragma unroll
  for (int t = 0; t < N; t++)
    if (lane() == t && from + t < x.n) deliver(m, row, first + t, totals[t], add);
}

template <class T> DEVICE void product_one(const Matrix *ms, int matrices, Inputs x, int add, Expert e, int share) {
  int block, t = block_y();
  Matrix m = own_matrix(ms, matrices, 4, &block);
  choose(&m, e, t);
  product_row<T, 1, 2>(m, x, block, t / share, t, add);
}

template <class T> DEVICE void product_few(const Matrix *ms, int matrices, Inputs x, int add) {
  int block;
  Matrix m = own_matrix(ms, matrices, 4, &block);
  product_row<T, 8, 1>(m, x, block, 0, 0, add);
}

#define TYPE(name, T) \
  KERNEL_FUNCTION(128) product_one_##name(const Matrix *m, int matrices, const int8 *q, const float *d, const int *halves, int n, int cols, int add, \
                                          const int *experts, long long stride, int share) { \
    product_one<T>(m, matrices, {q, d, halves, n, cols}, add, {experts, stride}, share); \
  } \
  KERNEL_FUNCTION(128) product_few_##name(const Matrix *m, int matrices, const int8 *q, const float *d, const int *halves, int n, int cols, int add) { \
    product_few<T>(m, matrices, {q, d, halves, n, cols}, add); \
  }
#define DENSE(name, T)
#include "types.inc"
