// Functions of float32 by operations whose rounding is fixed, so that every
// processor, and the simulator, gets the same bits.
#pragma once
#include "warp.h"

DEVICE float infinity() { return float_of(0x7f800000); }
DEVICE float magnitude(float v) { return float_of(bits_of(v) & 0x7fffffff); }

// exponential is infer/kernel's: x = n*ln2 + r, then 2^n times the Taylor
// polynomial of degree 6 in r. Below -87.7 it is 0, above 88.4 +Inf; NaN stays.
DEVICE float exponential(float x) {
  float bounded = smaller(larger(x, -88.f), 89.f);
  float n = round_to_even(bounded * 1.44269504088896341f);
  float r = fma(n, -0.693359375f, bounded);
  r = fma(n, 2.12194440054690583e-4f, r);
  float p = 1.f / 720;
  p = fma(p, r, 1.f / 120);
  p = fma(p, r, 1.f / 24);
  p = fma(p, r, 1.f / 6);
  p = fma(p, r, 0.5f);
  p = fma(p, r, 1.f);
  p = fma(p, r, 1.f);
  p *= float_of((uint32)((int)n + 127) << 23);
  return x != x ? x : p;
}

// hyperbolic_tangent is 1 - 2/(e^2x + 1), with an error below 2^-20.
DEVICE float hyperbolic_tangent(float x) {
  float y = smaller(larger(2 * x, -20.f), 20.f); // tanh of 10 is 1 in float32
  float t = 1 - 2 / (exponential(y) + 1);
  return x != x ? x : t;
}

// error_function has an error below 2e-7 (Abramowitz and Stegun, 7.1.26).
DEVICE float error_function(float x) {
  float a = magnitude(x);
  float t = 1 / fma(0.3275911f, a, 1.f);
  float p = 1.061405429f;
  p = fma(p, t, -1.453152027f);
  p = fma(p, t, 1.421413741f);
  p = fma(p, t, -0.284496736f);
  p = fma(p, t, 0.254829592f);
  float y = 1 - p * t * exponential(-a * a);
  return x < 0 ? -y : y;
}

enum Activation { SILU, GELU, GELU_TANH, RELU, TANH, IDENTITY };

DEVICE float activated(int kind, float x) {
  switch (kind) {
  case SILU: return x / (1 + exponential(-x));
  case GELU: return x * 0.5f * (1 + error_function(x * 0.70710678f));
  case GELU_TANH: return x / (1 + exponential(-1.5957691216f * x * fma(0.044715f * x, x, 1.f)));
  case RELU: return x < 0 ? 0 : x;
  case TANH: return hyperbolic_tangent(x);
  }
  return x;
}
