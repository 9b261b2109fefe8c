//go:build !unix

package mapped

import (
	"io"
	"os"
)

// mapFile reads f into memory where there is no mmap.
func mapFile(f *os.File) (data []byte, release func() error, err error) {
	data, err = io.ReadAll(f)
	return data, nothing, err
}
