//go:build e2e

package uplink

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A really full disk: a file system of 512 KiB in memory. Needs root.
func TestOutboxOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatalf("mount a small file system (this test needs root): %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	path := filepath.Join(dir, "outbox.db")
	o, _ := openBox(t, path, 10_000, 64<<20)
	var accepted []string
	var failed error
	for i := 0; failed == nil && i < 1000; i++ {
		e := testEntry(fmt.Sprint("q", i))
		e.Question.Messages[0].Content = strings.Repeat("x", 5000)
		if failed = o.add(e); failed == nil {
			accepted = append(accepted, e.Question.ID)
		}
	}
	if !errors.Is(failed, syscall.ENOSPC) || len(accepted) == 0 {
		t.Fatalf("%d were accepted, then: %v; want no space left", len(accepted), failed)
	}
	again, entries := openBox(t, copyFile(t, path), 10_000, 64<<20)
	if len(entries) != len(accepted) || again.count() != o.count() {
		t.Errorf("%d entries in the file, %d accepted", len(entries), len(accepted))
	}
	for _, id := range accepted { // finishing questions makes room again
		if err := o.remove(id); err != nil {
			t.Fatalf("remove on the full disk: %v", err)
		}
	}
	if err := o.add(testEntry("after")); err != nil {
		t.Errorf("add after making room: %v", err)
	}
}
