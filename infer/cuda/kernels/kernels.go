//go:build cuda

// Package kernels holds the GPU's half of a forward pass: kernels in CUDA C,
// compiled to PTX (generate.sh), which the driver of the machine compiles for its
// processor. README.md in this folder is what a launch must give and gets.
package kernels

import (
	"compress/gzip"
	"embed"
	"fmt"
	"io"
)

//go:generate ./generate.sh

//go:embed sm_*.ptx.gz
var files embed.FS

// modules are by the least compute capability that runs them, times ten, best
// first.
var modules = []struct {
	capability int
	name       string
}{
	{80, "sm_80"},
	{75, "sm_75"},
	{61, "sm_61"},
	{53, "sm_53"},
}

// Pick is the PTX for a device's compute capability. It fails for a device that
// is too old.
func Pick(major, minor int) (name, ptx string, err error) {
	for _, m := range modules {
		if m.capability <= 10*major+minor {
			ptx, err = text(m.name)
			return m.name, ptx, err
		}
	}
	return "", "", fmt.Errorf("kernels: compute capability %d.%d is not supported: 5.3 (Jetson Nano) is the oldest", major, minor)
}

// text unpacks a module.
func text(name string) (string, error) {
	f, err := files.Open(name + ".ptx.gz")
	if err != nil {
		return "", fmt.Errorf("kernels: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", fmt.Errorf("kernels: unpack %s: %w", name, err)
	}
	ptx, err := io.ReadAll(z)
	if err != nil {
		return "", fmt.Errorf("kernels: unpack %s: %w", name, err)
	}
	return string(ptx), nil
}
