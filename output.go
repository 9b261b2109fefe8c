package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/a472be26/cusp/infer/mapped"
)

// writeFile lets fill write a temporary file beside path, syncs it and renames
// it to path: readers see all of it or nothing. It may be a model.
func writeFile(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left under this name
	defer f.Close()
	w := mapped.NewWriter(f)
	if err := errors.Join(fill(w), w.Flush()); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
