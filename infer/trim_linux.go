package infer

import (
	"bytes"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/a472be26/cusp/infer/mapped"
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
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.From, m.To-m.From, unix.MADV_DONTNEED) // if it fails all stays as it is
	}
}

// unwritten are the mappings of a file that hold nothing but what is in it, by
// smaps as in proc_pid_smaps(5): nobody may write to them, and nobody has, like a
// debugger or a linker.
func unwritten(smaps []byte, file string) (all []mapped.Mapping) {
	var m mapped.Mapping
	ours := false
	for line := range bytes.Lines(smaps) {
		text := string(line)
		if next, ok := mapped.ParseMapping(text); ok {
			m, ours = next, next.Path == file && !strings.Contains(next.Mode, "w")
		} else if value, found := strings.CutPrefix(text, "Anonymous:"); found {
			if ours && strings.TrimSpace(value) == "0 kB" {
				all = append(all, m)
			}
			ours = false
		}
	}
	return all
}
