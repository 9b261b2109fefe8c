// Package kernel holds the arithmetic that the engine and the trainer spend
// their time in: dot products, matrix products, norms and activations over
// float32, float16 and Q8_0 rows, attention over a paged KV cache, what a
// sampler asks of a vocabulary's logits, and the worker pool that spreads
// products over cores.
//
// It knows slices and shapes, never a model. Sizes are the caller's promise:
// a slice too short for the stated shape panics before any memory is touched.
// Every kernel states its result in a portable Go file; each CPU tier ("avx2",
// "neon", ...) computes the same within the bound stated there, and integer
// parts exactly. The tier is picked once, when the program starts.
//
// All functions are safe for concurrent use on different destinations. None
// keeps a reference to its arguments.
package kernel
