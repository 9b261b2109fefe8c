//go:build !linux

package infer

import "runtime/debug"

// TrimProgram gives back the memory that only the start of a program needs: here,
// garbage of the heap.
func TrimProgram() { debug.FreeOSMemory() }
