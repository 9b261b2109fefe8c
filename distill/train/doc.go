// Package train trains small models of the Llama architecture (grouped-query attention, rotary embedding, RMSNorm, SwiGLU,
// tied or untied head) on a CPU: from examples alone, or distilled from a teacher's top-k logits.
//
// There is no automatic differentiation. Each layer has a file with a forward and a backward, tested against finite
// differences, and [model] calls them in order. Matrices are gorgonia.org/tensor values on [Engine], whose product is the
// project's SIMD kernels; by default operands are rounded to bfloat16 where the processor is twice as fast on those, while
// weights, gradients, activations and sums stay float32. Element-wise work runs on the float32 slices. Examples are packed
// back to back without padding, and logits are computed only where a loss is taken.
//
// For one seed a run gives the same weights, bit for bit, with any number of threads and however often it was stopped and
// resumed, on one kind of processor. The package is for building models; nothing that answers questions imports it.
package train
