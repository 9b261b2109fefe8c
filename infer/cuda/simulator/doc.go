// Package simulator is a CUDA driver without a GPU, for tests: a shared library
// that exports the functions of libcuda which infer/cuda/driver calls and runs
// the kernels of infer/cuda/kernels, compiled for the host, thread by thread (the folder host). It
// says nothing about speed, and nothing about what NVIDIA's compiler makes of the
// PTX, which it only compares with the sources.
//
// Settings, "capability=53,memory=1000000000", choose what it pretends to be and
// which accidents it has ready; settings.h lists them. In the environment they
// are CUSP_SIMULATOR.
package simulator
