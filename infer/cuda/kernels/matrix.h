// What a launch multiplies with.
#pragma once
#include "warp.h"

// Matrix is one of the matrices of a launch, which all read the same input.
struct Matrix {
  const void *weights; // [rows][cols] of one type
  const float *bias;   // [rows] or null
  float *dst;          // [n][ld]
  int rows, ld;
};

// own_matrix finds the block's matrix, of which each has ceil(rows/tile) blocks,
// and the block's number among them.
DEVICE Matrix own_matrix(const Matrix *m, int matrices, int tile, int *block) {
  *block = block_x();
  for (int i = 0; i + 1 < matrices && *block >= ceil_div(m->rows, tile); i++, m++) *block -= ceil_div(m->rows, tile);
  return *m;
}

// Expert says which of the matrices that lie one behind the other a vector is
// multiplied with; which is null without experts.
struct Expert {
  const int *which;
  long long stride; // bytes
};

// choose moves m to the expert of vector t.
DEVICE void choose(Matrix *m, Expert e, int t) {
  if (!e.which) return;
  int i = e.which[t];
  m->weights = (const uint8 *)m->weights + i * e.stride;
  if (m->bias) m->bias += (long long)i * m->rows;
}

// deliver stores the product of a row and vector t, or adds it.
DEVICE void deliver(const Matrix &m, int row, int t, float v, int add) {
  float *to = m.dst + (long long)t * m.ld + row;
  if (m.bias) v += m.bias[row];
  *to = add ? *to + v : v;
}
