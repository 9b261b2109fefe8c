// Products of quantized weights with many vectors, for reading prompts: bound by
// multipliers. The same bits as product.cu's.
#if HAS_MMA
#include "tile_mma.h"
#else
#include "tile_dot.h"
#endif

enum { BLOCK_VECTORS = 64 };

// multiply_many multiplies the tile of rows with vectors from one on.
template <class T> DEVICE void multiply_many(const Tile64 &tile, const Matrix &m, int row, const Inputs &x, int from, int add) {
  Values out = {};
#pragma unroll 1
  for (int chunk = 0; chunk * 256 < x.cols; chunk++) {
    // 1. Unpack.
    fill_rows<T>(tile, m, row, chunk, x.cols);
    fill_vectors<T>(tile, x, from, chunk);
    sync_block();
    // 2. Multiply.
    multiply_tile<T>(tile, out, x.n - from);
    sync_block();
  }
#pragma unroll
  for (int j = 0; j < OWN_VECTORS; j++)
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int r = row + own_row(i), t = from + own_vector(j, i);
      if (r < m.rows && t < x.n) deliver(m, r, t, out.v[j][i], add);
    }
}

template <class T> DEVICE void product_many(const Matrix *ms, int matrices, const Inputs &x, int add) {
  enum { parts = 32 / T::group, mins_size = T::minima ? 8 * parts * TILE : 1, sums_size = T::minima ? 8 * parts * TILE_VECTORS : 1 };
  SHARED(uint32x4, rows, TILE * TILE_LINE / 4);
  SHARED(uint32x4, vectors, TILE_VECTORS * TILE_LINE / 4);
  SHARED(float, scales, 8 * parts * TILE);
  SHARED(float, mins, mins_size);
  SHARED(float, d, 8 * TILE_VECTORS);
  SHARED(float, sums, sums_size);
  Tile64 tile = {(uint32 *)rows, (uint32 *)vectors, scales, mins, d, sums};

  int block;
  Matrix m = own_matrix(ms, matrices, TILE, &block);
  int end = smaller((block_y() + 1) * BLOCK_VECTORS, x.n);
#pragma unroll 1
  for (int from = block_y() * BLOCK_VECTORS; from < end; from += TILE_VECTORS) multiply_many<T>(tile, m, block * TILE, x, from, add);
}

#define TYPE(name, T) \
  KERNEL_FUNCTION(TILE_THREADS) product_many_##name(const Matrix *m, int matrices, const int8 *q, const float *d, const int *halves, int n, int cols, int add) { \
    product_many<T>(m, matrices, {q, d, halves, n, cols}, add); \
  }
#define DENSE(name, T)
#include "types.inc"
