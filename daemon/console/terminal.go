package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/term"
)

const prompt = "> "

// terminal reads lines with an editor and a history. It is in raw mode only while
// it reads: during an answer Ctrl-C is a signal.
type terminal struct {
	in      *os.File
	out     io.Writer
	editor  *term.Terminal
	reading atomic.Bool
}

var _ lines = (*terminal)(nil)

// openTerminal returns false unless both ends are terminals.
func openTerminal(in io.Reader, out io.Writer) (*terminal, bool) {
	i, isIn := in.(*os.File)
	o, isOut := out.(*os.File)
	if !isIn || !isOut || !term.IsTerminal(int(i.Fd())) || !term.IsTerminal(int(o.Fd())) {
		return nil, false
	}
	ends := struct {
		io.Reader
		io.Writer
	}{keys{i}, o}
	return &terminal{in: i, out: o, editor: term.NewTerminal(ends, prompt)}, true
}

// keys makes Ctrl-C, at which the editor would end, clear the line as Ctrl-U does.
type keys struct{ io.Reader }

const ctrlC, ctrlU = 3, 21

func (k keys) Read(b []byte) (int, error) {
	n, err := k.Reader.Read(b)
	for i, c := range b[:n] {
		if c == ctrlC {
			b[i] = ctrlU
		}
	}
	return n, err
}

// read returns what was typed, or pasted: lines that come at once are one turn.
func (t *terminal) read(context.Context) (string, error) {
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer term.Restore(int(t.in.Fd()), state)
	if width, height, err := term.GetSize(int(t.in.Fd())); err == nil && width > 0 { // a serial line knows no size
		_ = t.editor.SetSize(width, height)
	}
	t.editor.SetBracketedPasteMode(true)
	defer t.editor.SetBracketedPasteMode(false)
	t.reading.Store(true)
	defer t.reading.Store(false)
	var pasted []string
	for {
		line, err := t.editor.ReadLine()
		pasted = append(pasted, line)
		if !errors.Is(err, term.ErrPasteIndicator) {
			return strings.Join(pasted, "\n"), err
		}
	}
}

// Write puts text where the answers stand: above the line that is being edited.
func (t *terminal) Write(b []byte) (int, error) {
	if t.reading.Load() {
		return t.editor.Write(b)
	}
	return t.out.Write(b)
}
