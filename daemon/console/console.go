// Package console is a conversation with a daemon in a terminal, or from a pipe.
//
// In a terminal there is a prompt with a history, Ctrl-C stops the answer and
// not the program, and a correction of a provisional answer is shown when it
// comes. From a pipe every line is a turn, answers go to the output and
// everything else to the error output, and the first failure ends it. No control
// character of an answer reaches a terminal.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/router"
)

// Daemon answers; it is an [api.Client].
type Daemon interface {
	Ask(ctx context.Context, q router.Question, onText func(string) error) (router.Answer, error)
	Why(ctx context.Context, id string) (api.Entry, error)
}

var _ Daemon = (*api.Client)(nil)

// Options of [Run].
type Options struct {
	In       io.Reader
	Out, Err io.Writer
	System   string         // message before the conversation
	Privacy  router.Privacy // of every question
	Deadline time.Duration  // of every answer; 0: none
	Settings router.Options // of every answer
	every    time.Duration  // between two looks for corrections; 0: a second
}

// Run converses until the input ends, /quit comes, or ctx ends. From a pipe the
// error is that of the turn that failed.
func Run(ctx context.Context, d Daemon, o Options) error {
	if o.every == 0 {
		o.every = time.Second
	}
	c := &conversation{daemon: d, o: o, system: o.System, style: plain{}}
	t, ok := openTerminal(o.In, o.Out)
	if !ok {
		c.lines, c.out, c.err = newPipe(o.In), o.Out, o.Err
		return c.run(ctx)
	}
	// Ctrl-C ends ctx, but is here to stop answers only.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	c.lines, c.out, c.err, c.terminal = t, printable{t}, t, true
	if os.Getenv("NO_COLOR") == "" {
		c.style = colours{}
	}
	fmt.Fprintln(c.err, c.style.dim("/help lists what can be done here, Ctrl-C stops an answer, Ctrl-D ends."))
	return c.run(ctx)
}

// conversation is what was said so far.
type conversation struct {
	daemon   Daemon
	o        Options
	lines    lines
	out, err io.Writer
	terminal bool
	style    style

	mu      sync.Mutex // guards the fields below: corrections come while a line is read
	system  string
	history []router.Message
	last    router.Receipt
	pending map[string]int // place in history of answers that the cloud may yet correct, by id
}

// run takes one turn after another.
func (c *conversation) run(ctx context.Context) error {
	for {
		line, err := c.read(ctx)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			c.correct(ctx)
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the next turn: %w", err)
		}
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, argument, isCommand := command(line)
		switch {
		case isCommand && name == "/quit":
			c.correct(ctx)
			return nil
		case isCommand:
			c.command(ctx, name, strings.TrimSpace(argument))
		default:
			if err := c.turn(ctx, strings.TrimPrefix(line, "/")); err != nil {
				return err
			}
		}
	}
}

// command splits a line that is one; "//" begins a text with a slash.
func command(line string) (name, argument string, ok bool) {
	if !strings.HasPrefix(line, "/") || strings.HasPrefix(line, "//") {
		return "", "", false
	}
	name, argument, _ = strings.Cut(line, " ")
	return name, argument, true
}

// read waits for the next line; corrections are shown meanwhile.
func (c *conversation) read(ctx context.Context) (string, error) {
	c.correct(ctx)
	if !c.terminal {
		return c.lines.read(ctx)
	}
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { c.watch(watching) })
	defer watcher.Wait()
	defer stop()
	return c.lines.read(ctx)
}

// turn asks one question and shows the answer as it comes. What goes wrong is
// shown in a terminal, and returned from a pipe.
func (c *conversation) turn(ctx context.Context, text string) error {
	answering, stop := c.stoppable(ctx)
	defer stop()
	wait := c.wait()
	a, err := c.daemon.Ask(answering, c.question(text), func(delta string) error {
		wait.stop()
		_, err := io.WriteString(c.out, delta)
		return err
	})
	wait.stop()
	if a.Text != "" && !strings.HasSuffix(a.Text, "\n") || err == nil {
		fmt.Fprintln(c.out)
	}
	stopped := err != nil && answering.Err() != nil && ctx.Err() == nil
	switch {
	case stopped:
		fmt.Fprintln(c.err, c.style.dim("[stopped]"))
	case err != nil && c.terminal:
		fmt.Fprintf(c.err, "cusp: %v%s\n", err, hint(err))
		return nil
	case err != nil:
		return fmt.Errorf("%w%s", err, hint(err))
	default:
		fmt.Fprintln(c.err, c.style.mark(a.Receipt))
	}
	c.keep(text, a)
	return nil
}

// stoppable is a context that Ctrl-C ends, in a terminal.
func (c *conversation) stoppable(ctx context.Context) (context.Context, func()) {
	if !c.terminal {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, os.Interrupt)
}

func hint(err error) string {
	var refusal *api.Error
	if errors.As(err, &refusal) && refusal.Code == "context_length_exceeded" {
		return "\n      The conversation has become too long: /new begins another one."
	}
	return ""
}

// question is the conversation with one more turn.
func (c *conversation) question(text string) router.Question {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := router.Question{Privacy: c.o.Privacy, Options: c.o.Settings}
	if c.system != "" {
		q.Messages = append(q.Messages, router.Message{Role: "system", Content: c.system})
	}
	q.Messages = append(append(q.Messages, c.history...), router.Message{Role: "user", Content: text})
	if c.o.Deadline > 0 {
		q.Deadline = time.Now().Add(c.o.Deadline)
	}
	return q
}

// keep adds a turn to the history; one of which nothing came is as if it had not
// been.
func (c *conversation) keep(text string, a router.Answer) {
	if a.Text == "" && a.Receipt.ID == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history, router.Message{Role: "user", Content: text}, router.Message{Role: "assistant", Content: a.Text})
	c.last = a.Receipt
	if a.Receipt.Route == router.RouteProvisional && a.Receipt.Reason == router.ReasonDeadline {
		if c.pending == nil {
			c.pending = map[string]int{}
		}
		c.pending[a.Receipt.ID] = len(c.history) - 1
	}
}
