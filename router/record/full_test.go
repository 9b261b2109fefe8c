//go:build linux

package record

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/a472be26/cusp/router"
)

// A disk that is full, which a limit of the size of files stands for, leaves no half
// a line, and recording goes on when there is room again. The limit holds for a
// whole process, and so this is one of its own.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv("CUSP_TEST_FULL"); dir != "" {
		fillUp(t, dir)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	child.Env = append(os.Environ(), "CUSP_TEST_FULL="+t.TempDir())
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "filled up") {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillUp(t *testing.T, dir string) {
	l := mustOpen(t, dir, Options{})
	mustAppend(t, l, entryFor("a", router.RouteLocal, "1"))
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := func(n uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
	}
	limit(uint64(l.current.size) + 40) // in the middle of the next line
	if err := l.Append(entryFor("b", router.RouteLocal, "2")); err == nil {
		t.Fatal("appended to a full disk")
	}
	if got := ids(t, l); got != "a" {
		t.Errorf("entries %q", got)
	}
	limit(before.Cur)
	mustAppend(t, l, entryFor("c", router.RouteLocal, "3"))
	l.Close()
	again := mustOpen(t, dir, Options{})
	if got := ids(t, again); got != "a c" {
		t.Errorf("entries %q", got)
	}
	t.Log("filled up")
}
