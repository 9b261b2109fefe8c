package cuda

import (
	"errors"
	"fmt"
)

// Options says where and how a model is put on a GPU. The zero value is what
// most uses want.
type Options struct {
	Library string // of the driver; default: what CUSP_CUDA_LIBRARY names, or the system's libcuda.so.1
	Device  int    // index of the GPU, as the driver counts them
	// Layers is how many layers of a decoder run on the GPU, the others on the CPU.
	// Default: all; or, where a GPU with memory of its own has not enough for their
	// weights, as many of those that fit as make a token fastest.
	Layers int
	// Insist keeps layers on the GPU even where the CPU alone would be faster.
	Insist bool
	// Threads is how many compute on the CPU where layers do; default:
	// kernel.DefaultThreads.
	Threads int
	// Measure says what layers cost, to divide them; default: some are timed.
	Measure func() (Costs, error)
	// Copy puts the weights into memory of the device even where it could read
	// them in the mapped file.
	Copy bool
	// Progress hears how many bytes of the weights are where the device reads
	// them. It is called often; nil: nobody is told.
	Progress func(done, whole int64)
}

// Info is what Probe finds.
type Info struct {
	Device     int    // index
	Name       string // "Orin"
	Capability string // compute capability, "8.7"
	Driver     string // newest CUDA version that the driver can do, "12.2"
	Kernels    string // which of the compiled kernels it gets, "sm_80"
	Memory     int64  // bytes; of an integrated GPU those of the whole machine
	Integrated bool   // shares its memory with the CPU
}

func (i Info) String() string {
	kind := "its own memory"
	if i.Integrated {
		kind = "the machine's memory"
	}
	return fmt.Sprintf("%s, compute capability %s, %.1f GB of %s, driver for CUDA %s", i.Name, i.Capability, float64(i.Memory)/1e9, kind, i.Driver)
}

// ErrUnsupported says that a model has something that the kernels lack. The CPU
// serves it.
var ErrUnsupported = errors.New("not supported on a GPU")

// ErrSlower says that a model does not fit a GPU, and that the CPU alone is faster
// than both together.
var ErrSlower = errors.New("the CPU alone is faster")
