package kernel

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// DefaultThreads is how many threads a pool should have on this machine: what
// Go may use at the same time (GOMAXPROCS, by default the processors of the
// affinity mask within the cgroup's CPU quota), but no more than there are fast
// cores. Where a processor has cores of different kinds, a product waits for
// its slowest part, and two or four slow cores beside as many fast ones gain
// little and cost heat.
func DefaultThreads() int {
	n := runtime.GOMAXPROCS(0)
	if fast := fastCores("/sys/devices/system/cpu"); fast > 0 {
		n = min(n, fast)
	}
	return n
}

// fastCores counts the processors whose capacity, as Linux states it for arm
// boards, is more than half of the largest; 0 where none is stated.
func fastCores(dir string) int {
	files, _ := filepath.Glob(filepath.Join(dir, "cpu[0-9]*", "cpu_capacity")) // the pattern is well formed
	var capacities []int
	most := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if c, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && c > 0 {
			capacities = append(capacities, c)
			most = max(most, c)
		}
	}
	fast := 0
	for _, c := range capacities {
		if 2*c > most {
			fast++
		}
	}
	return fast
}
