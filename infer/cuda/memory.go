//go:build cuda

package cuda

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/a472be26/cusp/infer/cuda/driver"
)

// freeMemory is how many bytes a device can still give. Drivers of integrated
// GPUs do not count what the system would give up for them, above all the cache of
// files, among them the model's: the system is asked as well.
func freeMemory(c *driver.Context) (int64, error) {
	free, _, err := c.MemoryInfo()
	if err != nil || !c.Device().Integrated {
		return free, err
	}
	return max(free, availableMemory("/proc/meminfo")), nil
}

// availableMemory is MemAvailable of a file like /proc/meminfo, 0 if it is not
// known.
func availableMemory(path string) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			var kilobytes int64
			if _, err := fmt.Sscan(rest, &kilobytes); err == nil && kilobytes > 0 {
				return kilobytes << 10
			}
		}
	}
	return 0
}
