package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowDaemon answers with one word and then nothing, until the client leaves.
func slowDaemon(t *testing.T) (socket string, left <-chan struct{}) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cusp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{}, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"begun\"}}]}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return socket, gone
}

// The key Ctrl-C, in a real terminal with the real program: the answer stops, at
// the daemon too, and the program goes on.
func TestCtrlCStopsTheAnswerNotTheProgram(t *testing.T) {
	t.Parallel()
	socket, left := slowDaemon(t)
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	cmd := exec.Command("cusp", "chat", "--socket", socket)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var mu sync.Mutex
	var seen bytes.Buffer
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			mu.Lock()
			seen.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	until := func(text string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			mu.Lock()
			all := seen.String()
			mu.Unlock()
			if strings.Contains(all, text) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("no %q in %q", text, all)
			}
		}
	}
	until("> ")
	fmt.Fprint(master, "hello\r")
	until("begun")
	fmt.Fprint(master, "\x03")
	until("[stopped]")
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("the daemon goes on with the answer")
	}
	fmt.Fprint(master, "/help\r")
	until("/new ")
	fmt.Fprint(master, "/quit\r")
	if err := cmd.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}
