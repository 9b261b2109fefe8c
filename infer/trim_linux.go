package infer

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// TrimProgram gives back the memory that only the start of a program needs, best
// before a model is loaded: garbage of the heap, and the pages of the program's
// own file, which the initialization of all its packages has touched. They stay in
// the page cache, and what is needed again is mapped again when it is.
func TrimProgram() {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range unwritten(maps, program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED) // if it fails all stays as it is
	}
}

// extent is a range of addresses.
type extent struct{ from, to uintptr }

// unwritten are the mappings of a file that hold nothing but what is in it, by
// smaps as in proc_pid_smaps(5): nobody may write to them, and nobody has, like a
// debugger or a linker.
func unwritten(smaps []byte, file string) (all []extent) {
	var m extent
	ours := false
	for line := range bytes.Lines(smaps) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) == 3 && fields[0] == "Anonymous:":
			if ours && fields[1] == "0" {
				all = append(all, m)
			}
			ours = false
		case len(fields) >= 6 && strings.Contains(fields[0], "-"):
			n, err := fmt.Sscanf(fields[0], "%x-%x", &m.from, &m.to)
			ours = n == 2 && err == nil && m.from < m.to && !strings.Contains(fields[1], "w") && strings.Join(fields[5:], " ") == file
		}
	}
	return all
}
