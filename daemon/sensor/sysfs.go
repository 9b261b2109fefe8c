package sensor

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Kernel says which sensors are used that the kernel reads itself, and where it
// shows them.
type Kernel struct {
	Root     string // of sysfs: "/sys"
	Thermal  bool   // thermal zones
	Powercap bool   // energy counters of the processor (RAPL)
	Rails    bool   // INA3221 monitors that the kernel has a driver bound to, as on a Jetson
	Battery  bool
}

// Find returns the sensors that can be read now. What is there and cannot be is
// told in skipped.
func (k Kernel) Find() (parts []Part, skipped []error) {
	for _, source := range []struct {
		used bool
		find func(root string) ([]Part, []error)
	}{{k.Thermal, findZones}, {k.Rails, findRails}, {k.Powercap, findCounters}, {k.Battery, findBatteries}} {
		if source.used {
			found, errs := source.find(k.Root)
			parts, skipped = append(parts, found...), append(skipped, errs...)
		}
	}
	return parts, skipped
}

// maxText is more than any file read here has; sysfs files have a page at most.
const maxText = 4096

// readText reads a short file without the line feed at its end.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}

// readInteger reads a file with one decimal integer from low to high.
func readInteger(path string, low, high int64) (int64, error) {
	text, err := readText(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%s: %.32q is no integer from %d to %d", path, text, low, high)
	}
	return n, nil
}

// entries lists what matches a pattern below root, in the order of the names.
func entries(root, pattern string) []string {
	all, _ := filepath.Glob(filepath.Join(escape(root), pattern)) // the pattern is well formed
	return all
}

// escape makes a path mean itself in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// label makes what a file calls something fit for names of sensors.
func label(text string) string {
	const longest = 64
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '"' {
			return '-'
		}
		return r
	}, text)
	return clean[:min(len(clean), longest)]
}
