package mapped

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// Large pages are asked for; whether there are any is the system's affair.
func TestOpenAsksForLargePages(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this Linux has no large pages")
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
	if flags := entry(t, data, "VmFlags:"); !strings.Contains(flags+" ", " hg ") {
		t.Errorf("flags of the mapping are %q", flags)
	}
	if n := Large(data[largePage+5:]); n < 0 || n > 2*largePage {
		t.Errorf("%d bytes in large pages", n)
	}
	if n := Large(make([]byte, 10)); n >= 0 {
		t.Errorf("%d bytes of the heap are in large pages of a file", n)
	}
}

// entry is the rest of a line of smaps about the mapping of data.
func entry(t *testing.T, data []byte, name string) string {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	at, ours := uintptr(unsafe.Pointer(unsafe.SliceData(data))), false
	for line := range strings.Lines(string(smaps)) {
		if m, ok := ParseMapping(line); ok {
			ours = m.From == at
		} else if rest, found := strings.CutPrefix(line, name); found && ours {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("smaps has no %s of the mapping", name)
	return ""
}
