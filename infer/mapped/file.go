// Package mapped makes the bytes of a file a slice without reading them: they
// are page cache, not heap. Whoever opens a model file goes through it.
package mapped

import (
	"fmt"
	"os"
)

// Open maps the regular file at path read-only; release unmaps it, after which
// data must not be touched. The file must not be truncated while it is mapped:
// replace files by renaming, never by writing into them.
func Open(path string) (data []byte, release func() error, err error) {
	// Looked at before it is opened, because opening a FIFO waits for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file (%s)", path, info.Mode().Type())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, release, err = mapFile(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, release, nil
}

func nothing() error { return nil }
