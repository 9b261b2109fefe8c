// The tile on tensor cores: a warp has 16 rows and 16 vectors, in two products
// of 16 x 8; see mma_16x8x32 for what a lane holds.
#pragma once
#include "tile.h"

DEVICE int own_row(int i) { return warp() % 4 * 16 + lane() / 4 + i / 2 * 8; }
DEVICE int own_vector(int j, int i) { return warp() / 4 * 16 + j * 8 + lane() % 4 * 2 + i % 2; }

// group_products are the integer products of a group, halves apart where they
// have scales of their own: of the warp's rows, whose codes are a, and the
// vectors of product j.
template <class T> DEVICE void group_products(const Tile64 &tile, int g, const uint32 a[4], int j, int c[2][4]) {
  const uint32 *vector = tile.vectors + (warp() / 4 * 16 + j * 8 + lane() / 4) * TILE_LINE + g * 8 + lane() % 4;
  uint32 b0 = vector[0], b1 = vector[4];
  if (T::group == 32) {
    mma_16x8x32(c[0], a[0], a[1], a[2], a[3], b0, b1);
  } else {
    mma_16x8x16(c[0], a[0], a[1], b0);
    mma_16x8x16(c[1], a[2], a[3], b1);
  }
}

// multiply_tile adds a chunk's products to the results, of vectors below n.
template <class T> DEVICE void multiply_tile(const Tile64 &tile, Values &out, int n) {
  const uint32 *rows = tile.rows + (warp() % 4 * 16 + lane() / 4) * TILE_LINE + lane() % 4;
  Tree tree;
#pragma unroll 1
  for (int pair = 0; pair < 4; pair++) {
    uint32 a[2][4];
#pragma unroll
    for (int e = 0; e < 2; e++)
#pragma unroll
      for (int k = 0; k < 4; k++) a[e][k] = rows[k % 2 * 8 * TILE_LINE + (pair * 2 + e) * 8 + k / 2 * 4];
    Values terms = {};
#pragma unroll
    for (int j = 0; j < OWN_VECTORS; j++) {
      if (warp() / 4 * 16 + j * 8 >= n) break;
      int c[2][2][4] = {};
#pragma unroll
      for (int e = 0; e < 2; e++) group_products<T>(tile, pair * 2 + e, a[e], j, c[e]);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float v[2];
#pragma unroll
        for (int e = 0; e < 2; e++) v[e] = tile_term<T>(tile, pair * 2 + e, own_row(i), own_vector(j, i), c[e][0][i], c[e][1][i]);
        terms.v[j][i] = v[0] + v[1];
      }
    }
    tree.add_pair(out, pair, terms);
  }
}
