package api

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestListenRemovesAStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path, 0o640, strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestListenLeavesALiveDaemonAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	l, err := Listen(path, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(path, 0o600, ""); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("second listener: %v", err)
	}
	if conn, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first listener lost its socket: %v", err)
	} else {
		_ = conn.Close()
	}
}

// A daemon whose queue of connections is full refuses for a moment; its socket
// must not be taken for a stale one.
func TestListenLeavesABusyDaemonAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for { // fill the queue
		conn, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	if _, err := Listen(path, 0o600, ""); err == nil || !strings.Contains(err.Error(), "not certain") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the busy daemon lost its socket: %v", err)
	}
}

func TestListenNeverRemovesAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "s")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0o600, ""); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("error %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "precious" {
		t.Errorf("file %q, %v", data, err)
	}
}

func TestListenRefusals(t *testing.T) {
	t.Parallel()
	if _, err := Listen("/"+strings.Repeat("x", 200), 0o600, ""); err == nil || !strings.Contains(err.Error(), "107") {
		t.Errorf("long path: %v", err)
	}
	path := filepath.Join(shortDir(t), "s")
	if _, err := Listen(path, 0o600, "no-such-group"); err == nil || !strings.Contains(err.Error(), "no-such-group") {
		t.Errorf("unknown group: %v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a refused listener left its socket behind")
	}
}
