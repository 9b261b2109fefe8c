// The tile without tensor cores: a thread has 4 rows and 2 vectors, 16 apart, so
// that eight threads read different banks.
#pragma once
#include "tile.h"

DEVICE int own_row(int i) { return thread() % 16 + 16 * i; }
DEVICE int own_vector(int j, int i) { return thread() / 16 + 16 * j; }

#if HAS_DP4A
typedef uint32x4 Word; // of a row or vector, read at a time
#else
typedef uint32 Word; // whose bytes take a register each
#endif
DEVICE int dot(uint32x4 a, uint32x4 b, int c) {
  for (int k = 0; k < 4; k++) c = dot4(a[k], b[k], c);
  return c;
}
DEVICE int dot(uint32 a, uint32 b, int c) { return dot4(a, b, c); }

// add_half adds the integer products of 16 columns, from a word on, to c.
DEVICE void add_half(const Tile64 &tile, int word, int c[OWN_VECTORS][4]) {
#pragma unroll 1
  for (int k = word; k < word + 4; k += sizeof(Word) / 4) {
    Word a[4], b[OWN_VECTORS];
#pragma unroll
    for (int i = 0; i < 4; i++) a[i] = *(const Word *)(tile.rows + own_row(i) * TILE_LINE + k);
#pragma unroll
    for (int j = 0; j < OWN_VECTORS; j++) b[j] = *(const Word *)(tile.vectors + own_vector(j, 0) * TILE_LINE + k);
#pragma unroll
    for (int j = 0; j < OWN_VECTORS; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) c[j][i] = dot(a[i], b[j], c[j][i]);
  }
}

// group_products are those of a group, of its second half apart where that has a
// scale of its own. One half after the other: registers are few.
template <class T> DEVICE void group_products(const Tile64 &tile, int g, int c[2][OWN_VECTORS][4]) {
#pragma unroll 1
  for (int half = 0; half < 2; half++) {
    if (T::group == 16 && half == 1)
      add_half(tile, g * 8 + 4, c[1]);
    else
      add_half(tile, g * 8 + 4 * half, c[0]);
  }
}

// multiply_tile adds a chunk's products to the results.
template <class T> DEVICE void multiply_tile(const Tile64 &tile, Values &out, int n) {
  Tree tree;
#pragma unroll 1
  for (int g = 0; g < 8; g++) {
    int c[2][OWN_VECTORS][4] = {};
    group_products<T>(tile, g, c);
    Values terms;
#pragma unroll
    for (int j = 0; j < OWN_VECTORS; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) terms.v[j][i] = tile_term<T>(tile, g, own_row(i), own_vector(j, i), c[0][j][i], c[1][j][i]);
    tree.add_group(out, g, terms);
  }
}
