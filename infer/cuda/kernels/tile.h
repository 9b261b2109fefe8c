// A tile of a product of matrices: 64 rows of weights by 32 vectors, of which a
// chunk of 256 columns at a time lies unpacked in shared memory. Two blocks share
// a multiprocessor: one waits for memory while the other multiplies. (Without
// dp4a bytes take registers, and a tile has 16 vectors.)
#pragma once
#include "term.h"

enum {
  TILE = 64,                     // rows
  TILE_VECTORS = HAS_DP4A ? 32 : 16,
  UNROLLED = HAS_MMA ? 2 : 1,     // rows that a warp asks of memory at a time
  TILE_THREADS = 256,
  TILE_LINE = 68,                // words of a row or vector: 64, and 4 so that neighbours lie in other banks
  OWN_VECTORS = TILE_VECTORS / 16,
};

// Tile points into shared memory.
struct Tile64 {
  uint32 *rows, *vectors;  // [TILE or TILE_VECTORS][TILE_LINE] codes
  float *scales, *minima;  // [8 groups][1 or 2 halves][TILE]
  float *d;                // [8][TILE_VECTORS]
  float *sums;             // [8][1 or 2][TILE_VECTORS]
};

// fill_rows unpacks the rows from first on; those beyond the matrix become zeros.
template <class T> DEVICE void fill_rows(const Tile64 &to, const Matrix &m, int first, int chunk, int cols) {
  int groups = cols / 32, g = lane() / 4, q = lane() % 4;
  enum { parts = 32 / T::group, at_once = T::group == 16 ? 1 : UNROLLED };
#pragma unroll at_once
  for (int i = 0; i < TILE / (TILE_THREADS / 32); i++) {
    int r = i * (TILE_THREADS / 32) + warp();
    Piece p = {};
    if (first + r < m.rows) p = lane_piece<T>((const uint8 *)m.weights + (first + r) * row_bytes<T>(cols), chunk, groups);
    to.rows[r * TILE_LINE + g * 8 + q] = p.first;
    to.rows[r * TILE_LINE + g * 8 + 4 + q] = p.second;
    if (q < parts) { // a lane for each half that has a scale
      to.scales[(g * parts + q) * TILE + r] = q ? p.scale[1] : p.scale[0];
      if (T::minima) to.minima[(g * parts + q) * TILE + r] = q ? p.minimum[1] : p.minimum[0];
    }
  }
}

// fill_vectors copies activations, those of vectors from first on.
template <class T> DEVICE void fill_vectors(const Tile64 &to, const Inputs &x, int first, int chunk) {
  int groups = x.cols / 32;
#pragma unroll UNROLLED
  for (int i = 0; i < TILE_VECTORS * 16 / TILE_THREADS; i++) {
    int t = (i * TILE_THREADS + thread()) / 16, part = thread() % 16; // 16 columns
    uint32x4 v = {0, 0, 0, 0};
    if (first + t < x.n && chunk * 8 + part / 2 < groups) v = read((const uint32x4 *)(x.q + (long long)(first + t) * x.cols + chunk * 256 + part * 16));
    *(uint32x4 *)(to.vectors + t * TILE_LINE + part * 4) = v;
  }
#pragma unroll 1
  for (int i = thread(); i < TILE_VECTORS * 8; i += TILE_THREADS) {
    int t = i / 8, g = i % 8;
    float d = 0, sums[2] = {0, 0};
    if (first + t < x.n && chunk * 8 + g < groups) {
      long long at = (long long)(first + t) * groups + chunk * 8 + g;
      d = read(x.d + at);
      if (T::minima) half_sums<T>(sums, d, read(x.halves + at));
    }
    to.d[g * TILE_VECTORS + t] = d;
#pragma unroll
    for (int half = 0; T::minima && half < 32 / T::group; half++) to.sums[(g * 32 / T::group + half) * TILE_VECTORS + t] = sums[half];
  }
}

// tile_term is term for a row and a vector of the tile, and the integer products
// of a group's halves.
template <class T> DEVICE float tile_term(const Tile64 &tile, int g, int row, int vector, int first, int second) {
  enum { parts = 32 / T::group };
  int i[2] = {first, second};
  float scale[2] = {}, minimum[2] = {}, sums[2] = {};
#pragma unroll
  for (int half = 0; half < parts; half++) {
    scale[half] = tile.scales[(g * parts + half) * TILE + row];
    if (T::minima) minimum[half] = tile.minima[(g * parts + half) * TILE + row];
    if (T::minima) sums[half] = tile.sums[(g * parts + half) * TILE_VECTORS + vector];
  }
  return term<T>(i, scale, minimum, tile.d[g * TILE_VECTORS + vector], sums);
}

// Values are of a thread's products: [j][i] is of own_row(i) and own_vector(j, i).
struct Values {
  float v[OWN_VECTORS][4];

  DEVICE_METHOD void add(const Values &o) {
#pragma unroll
    for (int j = 0; j < OWN_VECTORS; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) v[j][i] += o.v[j][i];
  }
};

// Tree adds up the terms of a chunk as README.md says, those of a group after
// the other's, or of a pair of groups. What waits for its neighbour is kept.
struct Tree {
  Values one, two, four;

  DEVICE_METHOD void add_group(Values &out, int group, const Values &v) {
    if (group % 2 == 0) {
      one = v;
    } else {
      one.add(v);
      add_pair(out, group / 2, one);
    }
  }

  DEVICE_METHOD void add_pair(Values &out, int pair, const Values &v) {
    if (pair % 2 == 0) {
      two = v;
      return;
    }
    two.add(v);
    if (pair == 1) {
      four = two;
    } else {
      four.add(two);
      out.add(four);
    }
  }
};
