//go:build !unix

package gguf

import (
	"io"
	"os"
)

// mapFile reads f into memory where there is no mmap.
func mapFile(f *os.File) (data []byte, release func() error, err error) {
	data, err = io.ReadAll(f)
	return data, func() error { return nil }, err
}
