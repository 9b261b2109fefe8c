// Rounding activations to int8, once for all products that read them.
#include "quantize.h"

KERNEL_FUNCTION(256) quantize(const float *RESTRICT x, int8 *q, float *d, int *halves, int n, int cols) {
  int column = block_x() * 256 + thread(), row = block_y();
  if (column >= cols) return; // whole warps: cols is a multiple of 32
  quantize_group({q, d, halves}, x[(long long)row * cols + column], row, column / 32, cols / 32);
}
