// The tile on tensor cores: a warp has 16 rows and 32 vectors, in four products
// of 16 x 8; see mma_16x8x32 for what a lane holds.
#pragma once
#include "tile.h"

struct Results {
  float v[4][4];

  DEVICE_METHOD int row(int i) const { return warp() % 4 * 16 + lane() / 4 + i / 2 * 8; }
  DEVICE_METHOD int vector(int j, int i) const { return warp() / 4 * 32 + j * 8 + lane() % 4 * 2 + i % 2; }
};

// multiply_tile adds a chunk's products to the results, of vectors below n.
template <class T> DEVICE void multiply_tile(const Tile64 &tile, Results &out, int n) {
  int g8 = lane() / 4, t4 = lane() % 4;
  const uint32 *rows = tile.rows + (warp() % 4 * 16 + g8) * TILE_LINE + t4;
  // 1. The rows' codes of the chunk stay in registers.
  uint32 a[8][4];
#pragma unroll
  for (int g = 0; g < 8; g++)
#pragma unroll
    for (int k = 0; k < 4; k++) a[g][k] = rows[k % 2 * 8 * TILE_LINE + g * 8 + k / 2 * 4];
#pragma unroll
  for (int j = 0; j < 4; j++) {
    if (warp() / 4 * 32 + j * 8 >= n) break;
    const uint32 *vectors = tile.vectors + (warp() / 4 * 32 + j * 8 + g8) * TILE_LINE + t4;
    // 2. A term for each group, added up as a tree of eight.
    float tree[3][4];
#pragma unroll
    for (int g = 0; g < 8; g++) {
      uint32 b0 = vectors[g * 8], b1 = vectors[g * 8 + 4];
      int c[2][4] = {};
      if (T::group == 32) {
        mma_16x8x32(c[0], a[g][0], a[g][1], a[g][2], a[g][3], b0, b1);
      } else {
        mma_16x8x16(c[0], a[g][0], a[g][1], b0);
        mma_16x8x16(c[1], a[g][2], a[g][3], b1);
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int products[2] = {c[0][i], c[1][i]};
        float v = tile_term<T>(tile, g, out.row(i), out.vector(j, i), products);
        if (g & 1) v = tree[0][i] + v; else tree[0][i] = v;
        if ((g & 3) == 3) v = tree[1][i] + v; else if (g & 1) tree[1][i] = v;
        if (g == 7) out.v[j][i] += tree[2][i] + v; else if (g == 3) tree[2][i] = v;
      }
    }
  }
}
