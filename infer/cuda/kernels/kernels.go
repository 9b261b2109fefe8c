//go:build cuda

// Package kernels holds the GPU's half of a forward pass: kernels in CUDA C,
// compiled to PTX (generate.sh), which the driver of the machine compiles for its
// processor. README.md in this folder is what a launch must give and gets.
package kernels

import (
	_ "embed"
	"fmt"
)

//go:generate ./generate.sh

var (
	//go:embed sm_53.ptx
	sm53 string
	//go:embed sm_61.ptx
	sm61 string
	//go:embed sm_75.ptx
	sm75 string
	//go:embed sm_80.ptx
	sm80 string
)

// modules are the texts by the least compute capability that runs them, times
// ten, best first.
var modules = []struct {
	capability int
	name       string
	ptx        *string
}{
	{80, "sm_80", &sm80},
	{75, "sm_75", &sm75},
	{61, "sm_61", &sm61},
	{53, "sm_53", &sm53},
}

// Pick is the PTX for a device's compute capability. It fails for a device that
// is too old.
func Pick(major, minor int) (name, ptx string, err error) {
	for _, m := range modules {
		if m.capability <= 10*major+minor {
			return m.name, *m.ptx, nil
		}
	}
	return "", "", fmt.Errorf("kernels: compute capability %d.%d is not supported: 5.3 (Jetson Nano) is the oldest", major, minor)
}
