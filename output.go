package main

import (
	"io"
	"os"
	"path/filepath"
)

// writeFile lets fill write a temporary file beside path, syncs it and renames
// it to path: readers see all of it or nothing.
func writeFile(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left under this name
	defer f.Close()
	if err := fill(f); err != nil {
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
