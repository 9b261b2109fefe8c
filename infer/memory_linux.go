package infer

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// machineMemory is how many bytes of memory this process may come to use: the
// machine's, or less if its control group has a limit.
func machineMemory() float64 {
	limit := groupMemory(os.DirFS("/"))
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		limit = min(limit, float64(info.Totalram)*float64(info.Unit))
	}
	return limit
}

// groupMemory is the least limit of the process's control group and the groups
// around it, of either version (cgroups(7)). In a container the names may begin
// above what is mounted; the root of the mount is then the container's own.
func groupMemory(root fs.FS) float64 {
	limit := math.Inf(1)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			limit = min(limit, bytesIn(root, path.Join(mount, group, file)))
			if group == "/" {
				break
			}
		}
	}
	return limit
}

// bytesIn reads a file with one number; infinite if there is none.
func bytesIn(root fs.FS, name string) float64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return math.Inf(1)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil { // "max"
		return math.Inf(1)
	}
	return float64(n)
}
