package doctor

import (
	"fmt"
	"io"
)

// Printer shows findings as they come, a line each, with what to do below those
// that are not well.
type Printer struct {
	Out    io.Writer
	Colour bool
	Hint   io.Writer // of a terminal: shows what is being looked at; nil: nobody waits there

	last string // check of the line before
}

var _ Watcher = (*Printer)(nil)

// colours are those of a terminal (ECMA-48, SGR).
var colours = map[State]string{OK: "32", Warning: "33", Failure: "31"}

// eraseLine clears the line that the cursor is on.
const eraseLine = "\r\x1b[K"

// Begin shows which check is made.
func (p *Printer) Begin(check string) {
	if p.Hint != nil {
		fmt.Fprintf(p.Hint, "%s         looking at: %s", eraseLine, check)
	}
}

// Found writes a finding.
func (p *Printer) Found(f Finding) {
	p.clear()
	name := f.Check
	if name == p.last {
		name = ""
	}
	p.last = f.Check
	fmt.Fprintf(p.Out, "%s  %-13s  %s\n", p.mark(f.State), name, f.Text)
	if f.Remedy != "" {
		fmt.Fprintf(p.Out, "%9s%-13s  -> %s\n", "", "", f.Remedy)
	}
}

func (p *Printer) clear() {
	if p.Hint != nil {
		fmt.Fprint(p.Hint, eraseLine)
	}
}

func (p *Printer) mark(s State) string {
	text := fmt.Sprintf("%-7s", s)
	if p.Colour {
		return "\x1b[" + colours[s] + "m" + text + "\x1b[0m"
	}
	return text
}

// Sum writes how many there are of each.
func (p *Printer) Sum(all []Finding) {
	p.clear()
	fmt.Fprintf(p.Out, "\n%d ok, warnings: %d, failures: %d\n", Count(all, OK), Count(all, Warning), Count(all, Failure))
}

// Count is how many findings have a state.
func Count(all []Finding, s State) (n int) {
	for _, f := range all {
		if f.State == s {
			n++
		}
	}
	return n
}
