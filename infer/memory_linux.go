package infer

import (
	"math"

	"golang.org/x/sys/unix"
)

// machineMemory is the size of the main memory in bytes.
func machineMemory() float64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return math.Inf(1)
	}
	return float64(info.Totalram) * float64(info.Unit)
}
