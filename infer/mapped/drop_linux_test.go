package mapped

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// What is dropped takes no memory, until it is read again.
func TestDrop(t *testing.T) {
	t.Parallel()
	const pages = 20
	page := os.Getpagesize()
	want := make([]byte, pages*page)
	for i := range want {
		want[i] = byte(i / 7)
	}
	path := filepath.Join(t.TempDir(), "two  spaces, é")
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	data, release, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	// How much is left is seen before anything is touched again: Linux maps the
	// pages around one that is.
	for _, c := range []struct{ from, to, left int }{
		{0, pages * page, 0},
		{1, pages*page - 1, 2},
		{page - 1, 3*page + 1, pages - 2},
		{5 * page, 6*page - 1, pages},
		{5, 5, pages},
	} {
		if !slices.Equal(data, want) {
			t.Fatal("the file reads differently")
		}
		if n := resident(t, data); n != pages*page {
			t.Fatalf("%d bytes are in memory after all %d were read", n, pages*page)
		}
		Drop(data[c.from:c.to])
		if n := resident(t, data); n != c.left*page {
			t.Errorf("dropped from %d to %d: %d pages are left, want %d", c.from, c.to, n/page, c.left)
		}
	}
	// A file that was replaced meanwhile is not the one that is mapped.
	if err := os.Rename(path, path+" before"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if Drop(data); !slices.Equal(data, want) {
		t.Error("the file reads differently after it was replaced")
	}
}

// resident is how many bytes of a mapping are in this process's memory.
func resident(t *testing.T, data []byte) (kilobytes int) {
	t.Helper()
	if _, err := fmt.Sscan(entry(t, data, "Rss:"), &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// Memory that is no file's keeps what it has.
func TestDropLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	heap := bytes.Repeat([]byte{7}, 10*os.Getpagesize())
	Drop(heap)
	private, err := unix.Mmap(-1, 0, len(heap), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(private)
	copy(private, heap)
	if err := unix.Mprotect(private, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	Drop(private)
	Drop(nil)
	for name, b := range map[string][]byte{"heap": heap, "private": private} {
		if bytes.Count(b, []byte{7}) != len(b) {
			t.Errorf("%s: what was there is gone", name)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	const maps = `00400000-00600000 r-xp 00000000 fe:01 11 /usr/bin/cusp
00600000-00700000 r--p 00200000 fe:01 11 /usr/bin/cusp
c000000000-c000400000 rw-p 00000000 00:00 0 
7f000000-7f100000 r--s 00001000 fe:01 12                       /var/lib/cusp/a  model.gguf
7f100000-7f200000 rw-s 00000000 fe:01 13 /var/lib/cusp/written
7f200000-7f300000 r--s 00000000 00:05 0 /dev/nvidia0
7f300000-7f200000 r--s 00000000 fe:01 12 /backwards
7f300000-7f400000 r--s
x-y r--s 00000000 fe:01 12 /no/numbers
7f400000-7f500000 r--s 00000000 fe:01 14 /removed (deleted)
7f000000-7f021000 rw-p 00000000 00:00 0 [stack]
`
	want := []Mapping{
		{0x7f000000, 0x7f100000, "r--s", 0x1000, 12, "/var/lib/cusp/a  model.gguf"},
		{0x7f400000, 0x7f500000, "r--s", 0, 14, "/removed (deleted)"},
	}
	if got := files([]byte(maps)); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
