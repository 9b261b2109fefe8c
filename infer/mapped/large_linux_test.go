package mapped

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Large pages are asked for; whether there are any is the system's affair.
func TestOpenAsksForLargePages(t *testing.T) {
	t.Parallel()
	anonymous, err := unix.Mmap(-1, 0, 2*largePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(anonymous)
	if err := unix.Madvise(anonymous, unix.MADV_HUGEPAGE); err != nil || !asked(t, anonymous) {
		t.Skip("this Linux, or its emulator, has no large pages")
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 2*largePage), 0o600); err != nil {
		t.Fatal(err)
	}
	data, release, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if !asked(t, data) {
		t.Error("no large pages were asked for")
	}
	if n := Large(data[largePage+5:]); n < 0 || n > 2*largePage {
		t.Errorf("%d bytes in large pages", n)
	}
	if n := Large(make([]byte, 10)); n >= 0 {
		t.Errorf("%d bytes of the heap are in large pages of a file", n)
	}
}

// asked reports whether large pages were asked for a mapping.
func asked(t *testing.T, data []byte) bool {
	return slices.Contains(strings.Fields(entry(t, data, "VmFlags:")), "hg")
}

// entry is the rest of a line of smaps about the mapping of data; empty: there is none.
func entry(t *testing.T, data []byte, name string) string {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	at, ours := uintptr(unsafe.Pointer(unsafe.SliceData(data))), false
	for line := range strings.Lines(string(smaps)) {
		if m, ok := ParseMapping(line); ok {
			ours = m.From <= at && at < m.To // neighbours alike are one mapping
		} else if rest, found := strings.CutPrefix(line, name); found && ours {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
