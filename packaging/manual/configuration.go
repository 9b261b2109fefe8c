package manual

import (
	"fmt"
	"regexp"
	"strings"
)

// The documented configuration file is the one source of what its keys mean: the
// page is made of its comments. It is blocks of lines, with an empty line between
// them: the first is about the file; a block may begin with [table]; a line such
// as "# key = value" shows a key, all other lines are about the keys of the block.
var (
	tableLine = regexp.MustCompile(`^\[([a-z._]+)\]$`)
	keyLine   = regexp.MustCompile(`^# ([a-z0-9_]+) = (.+)$`)
)

// configPage is cusp.toml(5).
func configPage(a About) (string, error) {
	p := newPage("cusp.toml", 5, "configuration of the Cusp daemon", a.Version, a.Time)
	p.section("Synopsis")
	for i, path := range []string{"/etc/cusp/cusp.toml", "~/.config/cusp/cusp.toml"} {
		if i > 0 {
			p.WriteString(".br\n")
		}
		fmt.Fprintln(p, italic(path))
	}
	p.section("Description")
	began := false
	for block := range strings.SplitSeq(strings.TrimSpace(string(a.Config)), "\n\n") {
		lines := strings.Split(block, "\n")
		if m := tableLine.FindStringSubmatch(lines[0]); m != nil {
			p.title("SH", "["+m[1]+"]")
			lines, began = lines[1:], true
		}
		if err := p.block(lines, began); err != nil {
			return "", err
		}
	}
	p.section("See also")
	fmt.Fprintf(p, "%s(1),\n%s(1),\n%s(1)\n", bold("cusp"), bold("cusp-serve"), bold("cusp-doctor"))
	return p.String(), nil
}

// block writes keys, and below them what they are about. What stands before the
// first table has no keys.
func (p *page) block(lines []string, keys bool) error {
	var names, about []string
	for _, line := range lines {
		text, comment := strings.CutPrefix(line, "#")
		if !comment {
			return fmt.Errorf("configuration: %q is no comment: the documented file shows every key behind a #", line)
		}
		if m := keyLine.FindStringSubmatch(line); m != nil && keys {
			names = append(names, bold(m[1])+" = "+roff(m[2]))
			continue
		}
		about = append(about, strings.TrimSpace(text))
	}
	p.keys(names)
	text := strings.Join(about, "\n")
	if text == "" || len(names) == 0 {
		p.text(text)
		return nil
	}
	p.WriteString(".RS 4\n")
	p.fresh = true
	p.text(text)
	p.WriteString(".RE\n")
	return nil
}

func (p *page) keys(names []string) {
	if len(names) == 0 {
		return
	}
	p.paragraph()
	p.WriteString(strings.Join(names, "\n.br\n") + "\n")
}
