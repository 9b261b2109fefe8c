package driver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a caller may want to tell apart. An Error wraps at most one of them.
var (
	// ErrNoDriver: libcuda.so.1 is not there or is not a CUDA driver.
	ErrNoDriver = errors.New("no CUDA driver")
	// ErrDriverTooOld: the driver is there, but does not know what is needed.
	ErrDriverTooOld = errors.New("the CUDA driver is too old")
	// ErrNoDevice: the driver sees no GPU.
	ErrNoDevice = errors.New("no CUDA device")
	// ErrCompile: the driver could not turn PTX into code for this GPU.
	ErrCompile = errors.New("the kernels could not be compiled for this GPU")
	// ErrOutOfMemory: the GPU, or the host memory it can reach, is used up.
	ErrOutOfMemory = errors.New("out of GPU memory")
	// ErrDeviceLost: the context is gone with all its memory; every later call
	// on it fails as well. A new context may work.
	ErrDeviceLost = errors.New("the GPU was lost")
	// ErrNotSupported: this driver or this GPU cannot do that.
	ErrNotSupported = errors.New("not supported by this CUDA driver or GPU")
)

// Error is a call of the driver that failed.
type Error struct {
	Call   string // cuMemAlloc_v2
	About  string // what was asked for, for people; may be empty
	Code   Code
	Detail string // what the driver has to say: its own words, or the log of the compiler
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("cuda: " + e.Call)
	if e.About != "" {
		b.WriteString(" (" + e.About + ")")
	}
	b.WriteString(": " + e.Code.String())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if kind := e.Unwrap(); kind != nil {
		b.WriteString(": " + remedies[kind])
	}
	return b.String()
}

// Unwrap says which of the sentinels the failure is, nil if none.
func (e *Error) Unwrap() error {
	for _, k := range kinds {
		if slices.Contains(k.codes, e.Code) {
			return k.is
		}
	}
	return nil
}

// remedies has what a person can do about an error.
var remedies = map[error]string{
	ErrNoDriver:     "install NVIDIA's driver for this GPU (on a Jetson: JetPack); nvidia-smi or tegrastats shows whether it works",
	ErrDriverTooOld: "install a newer driver (on a Jetson: a newer JetPack)",
	ErrNoDevice:     "check that the GPU is seen (ls /dev/nvidia* /dev/nvhost-gpu /dev/nvgpu), that this user may open its devices, and CUDA_VISIBLE_DEVICES",
	ErrCompile:      "the driver's compiler refused the kernels; a newer driver may take them",
	ErrOutOfMemory:  "free GPU memory (nvidia-smi shows who has it), or choose a smaller model, a shorter context or fewer sequences",
	ErrDeviceLost:   "the GPU's context ended and must be made anew; dmesg | grep -i -e xid -e nvgpu says why",
	ErrNotSupported: "this driver or GPU lacks the function",
}

// noDriver explains why none of the tries to open a library worked.
func noDriver(tries []error) error {
	return fmt.Errorf("cuda: %w: %w: %s", ErrNoDriver, errors.Join(tries...), remedies[ErrNoDriver])
}
