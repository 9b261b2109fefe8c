// Products of quantized weights with many vectors, for reading prompts: bound by
// multipliers. The same bits as product.cu's.
#if HAS_MMA
#include "tile_mma.h"
#else
#include "tile_dot.h"
#endif

template <class T> DEVICE void product_many(const Matrix *ms, int matrices, const Inputs &x, int add) {
  enum { parts = 32 / T::group, planes = T::minima ? 8 * parts * TILE : 1 };
  SHARED(uint32x4, rows, TILE * TILE_LINE / 4);
  SHARED(uint32x4, vectors, TILE * TILE_LINE / 4);
  SHARED(float, scales, 8 * parts * TILE);
  SHARED(float, minima, planes);
  SHARED(float, d, 8 * TILE);
  SHARED(float, sums, planes);
  Tile64 tile = {(uint32 *)rows, (uint32 *)vectors, scales, minima, d, sums};

  int block, from = block_y() * TILE;
  Matrix m = own_matrix(ms, matrices, TILE, &block);
  Results out = {};
  for (int chunk = 0; chunk * 256 < x.cols; chunk++) {
    // 1. Unpack.
    fill_rows<T>(tile, m, block * TILE, chunk, x.cols);
    fill_vectors<T>(tile, x, from, chunk);
    sync_block();
    // 2. Multiply.
    multiply_tile<T>(tile, out, x.n - from);
    sync_block();
  }
#pragma unroll
  for (int j = 0; j < 4; j++)
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int row = block * TILE + own_row(i), t = from + own_vector(j, i);
      if (row < m.rows && t < x.n) deliver(m, row, t, out.v[j][i], add);
    }
}

#define TYPE(name, T) \
  KERNEL_FUNCTION(TILE_THREADS) product_many_##name(const Matrix *m, int matrices, const int8 *q, const float *d, const int *halves, int n, int cols, int add) { \
    product_many<T>(m, matrices, {q, d, halves, n, cols}, add); \
  }
#define DENSE(name, T)
#include "types.inc"
