// What is done to every row of a batch between products.
#include "quantize.h"

// norm: see README.md. A thread has the columns thread(), thread()+threads()...;
// what a thread wrote it reads again itself.
KERNEL_FUNCTION(256) norm(float *x, const float *RESTRICT addend, const float *RESTRICT weight, const float *RESTRICT bias,
                          float *dst, int8 *q, float *d, int *halves, int width, float eps, int centred) {
  SHARED(float, sums, 8);
  SHARED(float, squares, 8);
  int row = block_x(), step = threads();
  long long at = (long long)row * width;
  x += at;
  // 1. What is added, and the mean.
  float sum = 0;
  for (int i = thread(); i < width; i += step) {
    float v = x[i];
    if (addend) x[i] = v = v + addend[at + i];
    sum += v;
  }
  float mean = centred ? block_sum(sum, sums) / width : 0;
  // 2. The mean of squares.
  float square = 0;
  for (int i = thread(); i < width; i += step) {
    float v = x[i] - mean;
    square = fma(v, v, square);
  }
  float factor = 1 / square_root(block_sum(square, squares) / width + eps);
  // 3. The result; the warps' columns are whole groups.
  for (int i = thread(); i < width; i += step) {
    float v = (x[i] - mean) * factor * weight[i];
    if (bias) v += bias[i];
    if (dst) dst[at + i] = v;
    if (q) quantize_group({q, d, halves}, v, row, i / 32, width / 32);
  }
}

KERNEL_FUNCTION(256) activate(const float *gate, const float *up, float *dst, int8 *q, float *d, int *halves, int n, int cols, int ld, int kind) {
  int column = block_x() * 256 + thread(), row = block_y();
  if (column >= cols) return;
  long long from = (long long)row * ld + column;
  float v = activated(kind, gate[from]);
  if (up) v *= up[from];
  if (dst) dst[(long long)row * cols + column] = v;
  if (q) quantize_group({q, d, halves}, v, row, column / 32, cols / 32);
}

// element is the thread's in a launch over a flat array.
DEVICE long long element() { return (long long)block_x() * 256 + thread(); }

KERNEL_FUNCTION(256) add(float *dst, const float *RESTRICT x, float factor, long long count) {
  long long i = element();
  if (i < count) dst[i] = fma(factor, x[i], dst[i]);
}

KERNEL_FUNCTION(256) add_bias(float *dst, const float *RESTRICT bias, int n, int cols) {
  int column = block_x() * 256 + thread();
  if (column < cols) dst[(long long)block_y() * cols + column] += bias[column];
}

KERNEL_FUNCTION(256) scale(float *x, float factor, long long count) {
  long long i = element();
  if (i < count) x[i] *= factor;
}

KERNEL_FUNCTION(256) soft_cap(float *x, float limit, long long count) {
  long long i = element();
  if (i < count) x[i] = limit * hyperbolic_tangent(x[i] / limit);
}

KERNEL_FUNCTION(256) gather(float *dst, const float *RESTRICT src, const int *RESTRICT rows, int n, int width) {
  int column = block_x() * 256 + thread(), row = block_y();
  if (column < width) dst[(long long)row * width + column] = src[(long long)rows[row] * width + column];
}

// rotate: a thread has a pair of a head.
KERNEL_FUNCTION(128) rotate(float *x, const float *RESTRICT turns, int n, int heads, int head_dim, int rope_dim, int ld, int halves_apart) {
  int pairs = rope_dim / 2, i = block_x() * 128 + thread(), row = block_y();
  if (i >= heads * pairs) return;
  int head = i / pairs, pair = i % pairs;
  x += (long long)row * ld + head * head_dim;
  turns += (long long)row * rope_dim + 2 * pair;
  float *first = x + (halves_apart ? pair : 2 * pair), *second = first + (halves_apart ? pairs : 1);
  float a = *first, b = *second, cosine = turns[0], sine = turns[1];
  *first = fma(a, cosine, -(b * sine));
  *second = fma(a, sine, b * cosine);
}
