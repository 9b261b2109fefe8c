// The tile without tensor cores: a thread has 4 rows and 4 vectors, 16 apart, so
// that eight threads read different banks.
#pragma once
#include "tile.h"

struct Results {
  float v[4][4];

  DEVICE_METHOD int row(int i) const { return thread() % 16 + 16 * i; }
  DEVICE_METHOD int vector(int j, int i) const { return thread() / 16 + 16 * j; }
};

// group_products are the integer products of a group for the thread's rows and
// vectors, halves apart where they have scales of their own.
template <class T> DEVICE void group_products(const Tile64 &tile, const Results &out, int g, int c[4][4][2]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    uint32x4 a[4], b[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      a[i] = *(const uint32x4 *)(tile.rows + out.row(i) * TILE_LINE + g * 8 + half * 4);
      b[i] = *(const uint32x4 *)(tile.vectors + out.vector(i, 0) * TILE_LINE + g * 8 + half * 4);
    }
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int *sum = &c[j][i][T::group == 16 ? half : 0];
#pragma unroll
        for (int k = 0; k < 4; k++) *sum = dot4(a[i][k], b[j][k], *sum);
      }
  }
}

// multiply_tile adds a chunk's products to the results.
template <class T> DEVICE void multiply_tile(const Tile64 &tile, Results &out, int n) {
  float four[4][4], two[4][4], one[4][4];
#pragma unroll 1
  for (int g = 0; g < 8; g++) {
    int c[4][4][2] = {};
    group_products<T>(tile, out, g, c);
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) { // a tree of eight, whose pending sums are one, two and four
        float v = tile_term<T>(tile, g, out.row(i), out.vector(j, i), c[j][i]);
        if (g & 1) v = one[j][i] + v; else one[j][i] = v;
        if ((g & 3) == 3) v = two[j][i] + v; else if (g & 1) two[j][i] = v;
        if (g == 7) out.v[j][i] += four[j][i] + v; else if (g == 3) four[j][i] = v;
      }
  }
}
