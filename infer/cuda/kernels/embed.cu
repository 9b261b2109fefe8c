// Rows of a table, decoded as infer/quant's Decode does. A warp has 256 columns.
#include "dense.h"
#include "unpack.h"

// put scales a value, or adds it, as the launch says.
DEVICE void put(float *dst, float v, float scale, int add) { *dst = add ? fma(scale, v, *dst) : scale * v; }

template <class T> DEVICE void embed_blocks(const uint8 *table, int row, float *dst, int cols, float scale, int add) {
  int chunk = block_x() * 4 + warp(), g = lane() / 4, q = lane() % 4;
  if (chunk * 8 + g >= cols / 32) return;
  Piece p = lane_piece<T>(table + row * row_bytes<T>(cols), chunk, cols / 32);
  dst += chunk * 256 + g * 32 + q * 4;
  for (int i = 0; i < 8; i++) {
    int half = i / 4;
    float v = p.scale[half] * (float)(int8)((half ? p.second : p.first) >> (i % 4 * 8));
    if (T::minima) v -= p.minimum[half];
    put(dst + half * 16 + i % 4, v, scale, add);
  }
}

template <class T> DEVICE void embed_dense(const uint8 *table, int row, float *dst, int cols, float scale, int add) {
  for (int i = 0; i < 8; i++) {
    int column = (block_x() * 4 + warp()) * 256 + i * 32 + lane();
    if (column < cols) put(dst + column, T::at(table + ((long long)row * cols + column) * T::bytes), scale, add);
  }
}

#define EMBED(name, T, how) \
  KERNEL_FUNCTION(128) embed_##name(const void *RESTRICT table, const int *RESTRICT rows, float *dst, int n, int cols, float scale, int add) { \
    how<T>((const uint8 *)table, rows[block_y()], dst + (long long)block_y() * cols, cols, scale, add); \
  }
#define TYPE(name, T) EMBED(name, T, embed_blocks)
#define DENSE(name, T) EMBED(name, T, embed_dense)
#include "types.inc"
