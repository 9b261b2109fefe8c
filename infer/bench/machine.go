package bench

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/a472be26/cusp/infer/kernel"
)

// Machine is what a reader has to know to compare figures.
type Machine struct {
	CPU        string `json:"cpu"`
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Processors int    `json:"processors"`                 // that this program may use
	Cache      int64  `json:"last_level_cache,omitempty"` // bytes; 0: not known on this system
	Kernels    string `json:"kernels"`                    // the tier in use
	GPU        string `json:"gpu,omitempty"`              // that computed; empty: the CPU did
	Go         string `json:"go"`
}

// ThisMachine describes where the program runs.
func ThisMachine() Machine {
	return Machine{
		CPU: cpuName(), OS: runtime.GOOS, Arch: runtime.GOARCH, Processors: runtime.GOMAXPROCS(0),
		Cache: lastLevelCache(), Kernels: kernel.Tier(), Go: runtime.Version(),
	}
}

// cpuName is the processor as Linux names it, or the board where processors
// have no names.
func cpuName() string {
	if name := procField("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	if board, err := os.ReadFile("/proc/device-tree/model"); err == nil {
		return string(bytes.TrimRight(board, "\x00\n"))
	}
	return "unknown CPU"
}

// lastLevelCache is the size of the largest cache of the first processor.
func lastLevelCache() int64 {
	files, _ := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*/size") // the pattern is well formed
	most := int64(0)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			most = max(most, kibibytes(string(text), "K"))
		}
	}
	return most
}

// PeakMemory is the most that was resident of this process, in bytes; 0 where
// the system does not say.
func PeakMemory() int64 { return kibibytes(procField("/proc/self/status", "VmHWM"), "kB") }

// ResidentMemory is what is resident of this process now, in bytes; 0 where that is
// not known.
func ResidentMemory() int64 { return kibibytes(procField("/proc/self/status", "VmRSS"), "kB") }

// freeMemory is what could still be allocated.
func freeMemory() int64 { return kibibytes(procField("/proc/meminfo", "MemAvailable"), "kB") }

// procField finds the first line "name : value" of a file; empty if there is
// none, as on other systems than Linux.
func procField(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kibibytes reads a number of 1024 bytes with its unit; 0 if it is none.
func kibibytes(text, unit string) int64 {
	digits, ok := strings.CutSuffix(strings.TrimSpace(text), unit)
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 43)
	if !ok || err != nil || n < 0 {
		return 0
	}
	return n << 10
}
