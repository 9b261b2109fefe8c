// Products of dense weights with floats. A lane adds up the columns it reads, 8
// of every 256, and the lanes are added up at the end: a product's order of sums
// is the same in both kernels.
#include "dense.h"
#include "matrix.h"

// dense_rows multiplies R of the matrix's rows with N vectors.
template <class T, int R, int N> DEVICE void dense_rows(const Matrix &m, const float *x, int n, int cols, int row, int from, int first, int add) {
  bool whole = cols % 8 == 0 && (uint64)m.weights % 16 == 0;
  float totals[R][N] = {};
  for (int column = 0; column < cols; column += 256) {
    float w[R][8];
#pragma unroll
    for (int r = 0; r < R; r++) lane_eight<T>(w[r], (const uint8 *)m.weights + (long long)smaller(row + r, m.rows - 1) * cols * T::bytes, column, cols, whole);
#pragma unroll
    for (int t = 0; t < N; t++) {
      if (from + t >= n) break;
      float v[8];
      lane_eight<F32>(v, (const uint8 *)(x + (long long)(from + t) * cols), column, cols, cols % 8 == 0);
#pragma unroll
      for (int r = 0; r < R; r++)
#pragma unroll
        for (int i = 0; i < 8; i++) totals[r][t] = fma(w[r][i], v[i], totals[r][t]);
    }
  }
#pragma unroll
  for (int r = 0; r < R; r++)
#pragma unroll
    for (int t = 0; t < N; t++) {
      float v = warp_sum(totals[r][t]);
      if (lane() == 0 && row + r < m.rows && from + t < n) deliver(m, row + r, first + t, v, add);
    }
}

template <class T> DEVICE void dense_one(const Matrix *ms, int matrices, const float *x, int n, int cols, int add, Expert e, int share) {
  int block, t = block_y();
  Matrix m = own_matrix(ms, matrices, 4, &block);
  int row = block * 4 + warp();
  if (row >= m.rows) return;
  choose(&m, e, t);
  dense_rows<T, 1, 1>(m, x, n, cols, row, t / share, t, add);
}

template <class T> DEVICE void dense_few(const Matrix *ms, int matrices, const float *x, int n, int cols, int add) {
  int block, from = block_y() * 8;
  Matrix m = own_matrix(ms, matrices, 16, &block);
  int row = block * 16 + warp() * 4;
  if (row < m.rows) dense_rows<T, 4, 8>(m, x, n, cols, row, from, from, add);
}

#define TYPE(name, T)
#define DENSE(name, T) \
  KERNEL_FUNCTION(128) dense_one_##name(const Matrix *m, int matrices, const float *x, int n, int cols, int add, const int *experts, long long stride, int share) { \
    dense_one<T>(m, matrices, x, n, cols, add, {experts, stride}, share); \
  } \
  KERNEL_FUNCTION(128) dense_few_##name(const Matrix *m, int matrices, const float *x, int n, int cols, int add) { dense_few<T>(m, matrices, x, n, cols, add); }
#include "types.inc"
