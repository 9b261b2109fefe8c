package mapped

import (
	"fmt"
	"strings"
)

// Mapping is some memory of a process that is mapped alike.
type Mapping struct {
	From, To uintptr
	Mode     string // such as r--p
	Offset   uintptr
	Inode    uint64
	Path     string // of a file; empty: it is none
}

// ParseMapping reads a line of maps, or the first one of an entry of smaps, as in
// proc_pid_maps(5); false for any other line.
func ParseMapping(line string) (m Mapping, ok bool) {
	var device string
	n, err := fmt.Sscanf(line, "%x-%x %s %x %s %d", &m.From, &m.To, &m.Mode, &m.Offset, &device, &m.Inode)
	if _, path, found := strings.Cut(line, "/"); found {
		m.Path = "/" + strings.TrimSuffix(path, "\n")
	}
	return m, n == 6 && err == nil && m.From < m.To
}
