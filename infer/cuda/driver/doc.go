// Package driver speaks to the CUDA driver (libcuda.so.1) without cgo and
// without the CUDA toolkit: it opens the library when Open is called and calls
// the driver API of https://docs.nvidia.com/cuda/cuda-driver-api.
//
// Everything but the errors is behind the build tag cuda, because purego, which
// makes the calls, turns a static binary into a dynamic one.
//
// A Context and what belongs to it may be used from any goroutine: every call
// binds the context to the operating system's thread that it runs on. The
// package guards nothing else: memory that is freed twice, or that a kernel
// still uses, is the caller's mistake.
package driver
