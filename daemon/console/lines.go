package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// lines are the turns of the one who asks.
type lines interface {
	// read returns the next one, and io.EOF when there is none.
	read(ctx context.Context) (string, error)
}

// maxLine is the longest line of a pipe; the daemon takes no longer question.
const maxLine = 16 << 20

// pipe reads lines in a goroutine, so that the end of a context need not wait for
// one.
type pipe struct {
	next chan string
	fail error // set before next is closed
}

func newPipe(in io.Reader) *pipe {
	p := &pipe{next: make(chan string)}
	go p.feed(in)
	return p
}

func (p *pipe) feed(in io.Reader) {
	defer close(p.next)
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, maxLine)
	for scan.Scan() {
		p.next <- scan.Text()
	}
	if p.fail = io.EOF; scan.Err() != nil {
		p.fail = fmt.Errorf("standard input: %w", scan.Err())
	}
}

func (p *pipe) read(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case line, ok := <-p.next:
		if !ok {
			return "", p.fail
		}
		return line, nil
	}
}

// printable keeps an answer from steering the terminal: of control characters
// only line feeds and tabs come through. A rune that is split between two
// writes, which does not happen with answers, would be lost.
type printable struct{ io.Writer }

func (p printable) Write(b []byte) (int, error) {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f {
			return -1
		}
		return r
	}, string(b))
	if _, err := io.WriteString(p.Writer, clean); err != nil {
		return 0, err
	}
	return len(b), nil
}
