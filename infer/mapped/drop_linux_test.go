package mapped

import (
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
