//go:build !linux

package model

import "unsafe"

// reserve takes heap, which most systems give when it is touched. It is
// allocated as float32 for its alignment.
func reserve(bytes int) (data []byte, release func() error, err error) {
	room := make([]float32, (bytes+3)/4)
	data = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(room))), bytes)
	return data, func() error { return nil }, nil
}
