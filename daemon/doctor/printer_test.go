package doctor

import (
	"strings"
	"testing"
)

func TestPrinter(t *testing.T) {
	t.Parallel()
	var out, hint strings.Builder
	p := &Printer{Out: &out, Colour: true, Hint: &hint}
	all := []Finding{{"keys", OK, "fine", ""}, {"keys", Failure, "bad", "do this"}, {"clock", Warning, "odd", "look"}}
	for _, f := range all {
		p.Begin(f.Check)
		p.Found(f)
	}
	p.Sum(all)
	want := "\x1b[32mok     \x1b[0m  keys           fine\n" +
		"\x1b[31mfailure\x1b[0m                 bad\n                        -> do this\n" +
		"\x1b[33mwarning\x1b[0m  clock          odd\n                        -> look\n" +
		"\n1 ok, warnings: 1, failures: 1\n"
	if out.String() != want {
		t.Errorf("printed\n%q, want\n%q", out.String(), want)
	}
	if !strings.Contains(hint.String(), "looking at: clock") || !strings.HasSuffix(hint.String(), eraseLine) {
		t.Errorf("hint %q", hint.String())
	}
	out.Reset()
	(&Printer{Out: &out}).Found(all[0])
	if out.String() != "ok       keys           fine\n" {
		t.Errorf("without colours %q", out.String())
	}
}
