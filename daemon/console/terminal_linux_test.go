package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// screen is the other end of a terminal: it types, and sees what is printed.
type screen struct {
	t      *testing.T
	master *os.File

	mu   sync.Mutex
	seen strings.Builder
}

// newScreen opens a pseudo-terminal (pty(7)) and returns both ends.
func newScreen(t *testing.T) (*screen, *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
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
	t.Cleanup(func() { line.Close() })
	s := &screen{t: t, master: master}
	go s.watch()
	return s, line
}

func (s *screen) watch() {
	b := make([]byte, 4096)
	for {
		n, err := s.master.Read(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.seen.Write(b[:n])
		s.mu.Unlock()
	}
}

func (s *screen) keys(text string) {
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// until waits for a text to be printed.
func (s *screen) until(text string) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		seen := s.seen.String()
		s.mu.Unlock()
		if strings.Contains(seen, text) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("no %q on the screen:\n%q", text, seen)
		}
	}
}

// In a terminal Ctrl-C clears the line or stops the answer, never the program;
// what came of the answer stays in the conversation; a pasted text of two lines is
// one turn; and a correction appears above the prompt.
func TestTerminal(t *testing.T) {
	s, line := newScreen(t)
	f := &fake{late: map[string]api.Entry{"p": {Text: "the better one", Receipt: router.Receipt{ID: "p", Route: router.RouteCloud}}}}
	done := make(chan error, 1)
	daemon := daemonFunc{f, func(ctx context.Context, q router.Question, onText func(string) error) (router.Answer, error) {
		text := q.Messages[len(q.Messages)-1].Content
		switch {
		case strings.HasPrefix(text, "slow"):
			err := onText("so far \x1b[31m")
			<-ctx.Done()
			return router.Answer{Text: "so far "}, errors.Join(err, ctx.Err())
		case strings.HasPrefix(text, "late"):
			return router.Answer{Text: "a guess", Receipt: router.Receipt{ID: "p", Route: router.RouteProvisional, Reason: router.ReasonDeadline}}, onText("a guess")
		}
		f.asked = append(f.asked, q)
		return router.Answer{Text: "ok", Receipt: router.Receipt{ID: "x", Route: router.RouteLocal}}, onText("ok")
	}}
	go func() {
		done <- Run(t.Context(), daemon, Options{In: line, Out: line, Err: line, every: 10 * time.Millisecond})
	}()
	s.until("/help lists")
	s.until(prompt)
	s.keys("never asked\x03slow\r")
	s.until("so far [31m")
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	s.until("[stopped]")
	s.keys("\x1b[200~two\rlines\x1b[201~\r")
	s.until("\x1b[32m[local]")
	s.keys("late\r")
	s.until("\x1b[33m[provisional: deadline]")
	s.until("the better one")
	s.keys("\x04")
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Ctrl-D does not end it")
	}
	if len(f.asked) != 1 || contents(f.asked[0]) != "user=slow|assistant=so far |user=two\nlines" {
		t.Errorf("asked %+v", f.asked)
	}
}

// daemonFunc is a fake whose answers may be stopped.
type daemonFunc struct {
	*fake
	ask func(context.Context, router.Question, func(string) error) (router.Answer, error)
}

func (d daemonFunc) Ask(ctx context.Context, q router.Question, onText func(string) error) (router.Answer, error) {
	return d.ask(ctx, q, onText)
}

// Until an answer begins the terminal shows that it is waited for.
func TestWaitingIsShown(t *testing.T) {
	t.Parallel()
	s, line := newScreen(t)
	c := &conversation{err: line, terminal: true, style: plain{}}
	w := c.wait()
	s.until("waiting, 1 s")
	w.stop()
	w.stop()
	s.until("\r\x1b[K")
}
