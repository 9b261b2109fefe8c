// Package cuda runs a model's program on an NVIDIA GPU: it is another
// model.Model, with keys and values and runners of its own, and shares with the
// CPU what an architecture does (model.Program), not how.
//
// Everything that calls the driver is behind the build tag cuda, since a binary
// with it is no longer static. Without the tag Load says where to find one.
//
// The way of a pass: describe.go lays the batch out in one pinned buffer,
// compile.go has turned the program into launches once, when the runner was
// made, and runner.go puts them into a stream, as a graph where it can, and waits
// once. The kernels themselves and their contracts are in infer/cuda/kernels,
// the driver in infer/cuda/driver.
package cuda
