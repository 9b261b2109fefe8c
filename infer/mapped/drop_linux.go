package mapped

import (
	"bytes"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Drop gives back the memory that the whole pages in b take, as far as b is a part
// of what Open mapped: its pages, and what the system caches of the file, unless
// others use it. They are read again when they are touched. Other memory is left
// alone, and so is all where the system does not do it.
func Drop(b []byte) {
	page := uintptr(os.Getpagesize())
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	to := (from + uintptr(len(b))) / page * page
	from = (from + page - 1) / page * page
	if from >= to {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for _, m := range files(maps) {
		if lo, hi := max(from, m.From), min(to, m.To); lo < hi {
			m.drop(lo, hi)
		}
	}
}

// files are the mappings that are shared and that nobody may write to: to drop
// pages of a private one would lose what was written to them, also before it could
// not be written to any more.
func files(maps []byte) (all []Mapping) {
	for line := range bytes.Lines(maps) {
		if m, ok := ParseMapping(string(line)); ok && m.Path != "" && m.Mode == "r--s" && m.Inode != 0 {
			all = append(all, m)
		}
	}
	return all
}

// drop drops the pages between two addresses.
func (m Mapping) drop(from, to uintptr) {
	if _, _, failed := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); failed != 0 {
		return
	}
	// What is there by now may be another file, or no file.
	fd, err := unix.Open(m.Path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if unix.Fstat(fd, &info) == nil && info.Ino == m.Inode {
		_ = unix.Fadvise(fd, int64(m.Offset+from-m.From), int64(to-from), unix.FADV_DONTNEED)
	}
}
