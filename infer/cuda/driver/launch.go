//go:build cuda

package driver

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// Dim is the size of a grid or a block; 0 counts as 1.
type Dim struct{ X, Y, Z int }

func (d Dim) String() string { return fmt.Sprintf("%dx%dx%d", d.X, max(d.Y, 1), max(d.Z, 1)) }

// Args are the arguments of a launch, in the kernel's order. Once made they can
// be reset and filled again without allocating.
type Args struct {
	words    []uint64
	pointers []*uint64
}

// Reset empties the arguments.
func (a *Args) Reset() *Args { a.words = a.words[:0]; return a }

// Pointer adds an address on the device, plus an offset in bytes if need be.
func (a *Args) Pointer(p DevicePointer) *Args { return a.word(uint64(p)) }

// Int adds an int32 or uint32.
func (a *Args) Int(v int) *Args { return a.word(uint64(uint32(v))) }

// Long adds an int64.
func (a *Args) Long(v int64) *Args { return a.word(uint64(v)) }

// Float adds a float32.
func (a *Args) Float(v float32) *Args { return a.word(uint64(math.Float32bits(v))) }

func (a *Args) word(v uint64) *Args { a.words = append(a.words, v); return a }

// addresses of the arguments, as cuLaunchKernel wants them. Both architectures
// that have GPUs are little-endian: narrower values lie at the words' beginnings.
func (a *Args) addresses() []*uint64 {
	a.pointers = a.pointers[:0]
	for i := range a.words {
		a.pointers = append(a.pointers, &a.words[i])
	}
	if len(a.words) == 0 {
		a.pointers = append(a.pointers, nil)
	}
	return a.pointers
}

// Launch puts a run of the kernel into the stream: a grid of blocks of threads,
// each block with so many bytes of dynamic shared memory. The arguments are
// copied before it returns. Errors of the run itself come with a later
// synchronization.
func (s *Stream) Launch(f *Function, grid, block Dim, shared int, args *Args) error {
	d := s.context.driver
	pointers := args.addresses()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.context.bind(); err != nil {
		return err
	}
	err := d.call("cuLaunchKernel", "", d.cuLaunchKernel, f.handle,
		uintptr(grid.X), uintptr(max(grid.Y, 1)), uintptr(max(grid.Z, 1)),
		uintptr(block.X), uintptr(max(block.Y, 1)), uintptr(max(block.Z, 1)),
		uintptr(shared), s.handle, uintptr(unsafe.Pointer(unsafe.SliceData(pointers))), 0)
	runtime.KeepAlive(args)
	if e, ok := err.(*Error); ok {
		e.About = fmt.Sprintf("%s, grid %v, block %v, %d bytes shared", f.name, grid, block, shared)
	}
	return err
}
