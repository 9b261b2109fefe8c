package manual

import (
	"fmt"
	"strings"
	"time"
)

// page is a manual page in the language of man(7).
type page struct {
	strings.Builder
	fresh bool // right below a title, where no paragraph has to be begun
}

// newPage begins one. Version and date stand at its foot.
func newPage(name string, section int, about, version string, when time.Time) *page {
	p := &page{}
	p.WriteString(".\\\" written by cusp man\n")
	fmt.Fprintf(p, ".TH %s %d %s %s Cusp\n", strings.ToUpper(roff(name)), section, when.UTC().Format(time.DateOnly), roffQuote("cusp "+version))
	p.section("Name")
	fmt.Fprintf(p, "%s \\- %s\n", roff(name), roff(about))
	return p
}

func (p *page) section(title string)    { p.title("SH", strings.ToUpper(title)) }
func (p *page) subsection(title string) { p.title("SS", title) }

func (p *page) title(macro, title string) {
	fmt.Fprintf(p, ".%s %s\n", macro, roffQuote(title))
	p.fresh = true
}

// paragraph begins one.
func (p *page) paragraph() {
	if !p.fresh {
		p.WriteString(".PP\n")
	}
	p.fresh = false
}

// text writes paragraphs. Lines that begin with two spaces are an example, and
// stay as they are.
func (p *page) text(text string) {
	if text = strings.Trim(text, "\n"); text == "" {
		return
	}
	for block := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(block, "  ") {
			p.example(block)
			continue
		}
		p.paragraph()
		p.fill(block)
	}
}

func (p *page) example(text string) {
	p.paragraph()
	p.WriteString(".RS 4\n.nf\n")
	for line := range strings.SplitSeq(text, "\n") {
		p.line(strings.TrimPrefix(line, "  "))
	}
	p.WriteString(".fi\n.RE\n")
}

// columns is how long lines of the source are at most, where they can be broken.
const columns = 78

// fill writes a paragraph.
func (p *page) fill(text string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(roff(line+" "+word)) > columns {
			p.line(line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	p.line(line)
}

// line writes a line of text, of which nothing is a request.
func (p *page) line(text string) {
	text = roff(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	p.WriteString(text + "\n")
}

// item writes a tag, in roff already, and what it is.
func (p *page) item(tag, about string) {
	fmt.Fprintf(p, ".TP\n%s\n", tag)
	p.fresh = false
	p.fill(about)
}

func bold(text string) string   { return `\fB` + roff(text) + `\fR` }
func italic(text string) string { return `\fI` + roff(text) + `\fR` }

// roff escapes what is not a plain letter to roff: a hyphen would be a dash that
// cannot be copied into a shell.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "\t", "    ", "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
}

// roffQuote makes one argument of a text.
func roffQuote(text string) string { return `"` + strings.ReplaceAll(roff(text), `"`, `\(dq`) + `"` }
