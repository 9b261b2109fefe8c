// Products of dense weights with floats. A lane adds up the columns it reads, 8
// of every 256, and the lanes are added up at the end: a product's order of sums
// is the same in both kernels.
#include "dense.h"
#include "matrix.h"

// Vectors are what is multiplied: n of cols values, and where the results of the
// first go.
struct Vectors {
  const float *x;
  int n, cols, to, add;
};

DEVICE bool whole(const Matrix &m, const Vectors &v) { return v.cols % 8 == 0 && (uint64)m.weights % 16 == 0; }

// dense_rows multiplies R of the matrix's rows with vectors from to from+N-1.
template <class T, int R, int N, bool Whole> DEVICE void dense_rows(const Matrix &m, int row, const Vectors &v, int from) {
  float totals[R][N] = {};
#pragma unroll 1
  for (int column = 0; column < v.cols; column += 256) {
    float w[R][8];
#pragma unroll
    for (int r = 0; r < R; r++) lane_eight<T, Whole>(w[r], (const uint8 *)m.weights + (long long)smaller(row + r, m.rows - 1) * v.cols * T::bytes, column, v.cols);
#pragma unroll
    for (int t = 0; t < N; t++) {
      if (from + t >= v.n) break;
      float x[8];
      lane_eight<F32, Whole>(x, (const uint8 *)(v.x + (long long)(from + t) * v.cols), column, v.cols);
#pragma unroll
      for (int r = 0; r < R; r++)
#pragma unroll
        for (int i = 0; i < 8; i++) totals[r][t] = fma(w[r][i], x[i], totals[r][t]);
    }
  }
#pragma unroll
  for (int r = 0; r < R; r++)
#pragma unroll
    for (int t = 0; t < N; t++) {
      float sum = warp_sum(totals[r][t]);
      if (lane() == 0 && row + r < m.rows && from + t < v.n) deliver(m, row + r, v.to + t, sum, v.add);
    }
}

// dense_one is the product of one row and vector.
template <class T> DEVICE void dense_one(const Matrix &m, int row, const Vectors &v, int from) {
  if (whole(m, v))
    dense_rows<T, 1, 1, true>(m, row, v, from);
  else
    dense_rows<T, 1, 1, false>(m, row, v, from);
}

template <class T> DEVICE void dense_each(const Matrix *ms, int matrices, Vectors v, Expert e, int share) {
  int block, t = block_y();
  Matrix m = own_matrix(ms, matrices, 4, &block);
  int row = block * 4 + warp();
  if (row >= m.rows) return;
  choose(&m, e, t);
  v.to = t;
  dense_one<T>(m, row, v, t / share);
}

template <class T> DEVICE void dense_few(const Matrix *ms, int matrices, Vectors v) {
  int block, from = block_y() * 8;
  Matrix m = own_matrix(ms, matrices, 16, &block);
  int row = block * 16 + warp() * 4;
  if (row >= m.rows) return;
  v.to = from;
  if (whole(m, v)) {
    dense_rows<T, 4, 8, true>(m, row, v, from);
    return;
  }
#pragma unroll 1
  for (int i = 0; i < 4 * 8; i++) {
    int r = row + i / 8, t = from + i % 8;
    v.to = t;
    if (r < m.rows && t < v.n) dense_rows<T, 1, 1, false>(m, r, v, t);
  }
}

#define TYPE(name, T)
#define DENSE(name, T) \
  KERNEL_FUNCTION(128) dense_one_##name(const Matrix *m, int matrices, const float *x, int n, int cols, int add, const int *experts, long long stride, int share) { \
    dense_each<T>(m, matrices, {x, n, cols, 0, add}, {experts, stride}, share); \
  } \
  KERNEL_FUNCTION(128) dense_few_##name(const Matrix *m, int matrices, const float *x, int n, int cols, int add) { dense_few<T>(m, matrices, {x, n, cols, 0, add}); }
#include "types.inc"
