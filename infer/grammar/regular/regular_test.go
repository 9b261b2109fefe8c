package regular

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, yes, no string }{
		{"", " |a", ""},
		{"foo", "foo|xfoo|foox|fofoo", "|fo|f oo"},
		{"^foo", "foo|foobar", "xfoo|fo"},
		{"foo$", "foo|xfoo", "foox"},
		{"^foo$", "foo", "xfoo|foox|"},
		{"^a|b$", "a|ax|b|xb", "xa|bx|"},
		{"^A|B|C|D$", "A|Ax|xB|Bx|xD", "xA|Dx|"},
		{"^(a|b)*$", "|a|abba", "c|abc"},
		{"^a{2,3}$", "aa|aaa", "a|aaaa|"},
		{"^a{2}$", "aa", "a|aaa"},
		{"^a{2,}$", "aa|aaaaaaa", "a"},
		{"^(ab){0}c$", "c", "abc"},
		{"^(ab){0,2}?c$", "c|abc|ababc", "abababc"},
		{"^(a?){3}$", "|a|aaa", "aaaa"},
		{"^[^a-c]$", "d|ü|😀", "a|b|dd|"},
		{`^[\w-]+$`, "a-b_9", "a b|"},
		{`^[\d\-x]$`, "1|-|x", "y"},
		{`^[]$`, "", "a|"},
		{`^[^]$`, "a|\n", ""},
		{`^\x41\u0042\u{43}\cJ\ud83d\ude00$`, "ABC\n😀", "ABC"},
		{`^\^\$\.\[\]\(\)\|\{\}\*\+\?\/\\$`, `^$.[]()\|{}*+?/\`[:0], ""},
		{"^.$", "a|é|😀", "\n|\r|ab"},
		{"a^b", "", "ab|a^b"},
		{"a$b", "", "ab"},
		{"(^a|b)c", "ac|xbc", "xac"},
		{"(?:x)(?<name>y)", "xy", "x"},
		{"^\\s$", "\t|\u00a0|\ufeff", "a|\u200b"},
	} {
		d, err := Pattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for text := range strings.SplitSeq(c.yes, "|") {
			if c.yes != "" && !d.Match(text) {
				t.Errorf("%s refuses %q", c.pattern, text)
			}
		}
		for text := range strings.SplitSeq(c.no, "|") {
			if c.no != "" && d.Match(text) {
				t.Errorf("%s accepts %q", c.pattern, text)
			}
		}
	}
}

func TestPatternErrors(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"(", ")", "a)", "[a", "[z-a]", `[\d-z]`, "a{2", "a{x}", "a{3,2}", "a{-1}", "a{5000}", "*", "a**", "a+*", "^*", "(?=a)", "(?!a)",
		"(?<=a)", "(?<!a)", "(?x)", "(?<", `\b`, `\B`, `\1`, `\p{L}`, `\k<a>`, `\`, `\x4`, `\xzz`, `\u12`, `\ud800`, `\u{110000}`, "]", "}",
		"(((a{100}){100}){100}){100}", strings.Repeat("(", 1000), "(a|b)*a(a|b){20}", "\xff", "((a{0,99}){0,99}){0,99}",
	} {
		if d, err := Pattern(p); err == nil {
			t.Errorf("%.40q is accepted, with %d states", p, len(d))
		}
	}
}

// Random expressions and strings over a small alphabet, against Go's regexp.
func TestPatternLikeRegexp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var generate func(depth int) string
	generate = func(depth int) string {
		switch n := r.IntN(11); {
		case depth == 0 || n < 3:
			return string("abc"[r.IntN(3)])
		case n == 3:
			return "[^" + string("abc"[r.IntN(3)]) + "]"
		case n == 4:
			return "."
		case n < 7:
			return generate(depth-1) + generate(depth-1)
		case n == 7:
			return "(?:" + generate(depth-1) + "|" + generate(depth-1) + ")"
		case n == 8:
			return "(?:" + generate(depth-1) + ")" + []string{"*", "+", "?", "{2}", "{1,3}", "{2,}"}[r.IntN(6)]
		case n == 9:
			return "^" + generate(depth-1)
		}
		return generate(depth-1) + "$"
	}
	matched := 0
	for range 1500 {
		source := generate(4)
		d, err := Pattern(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		oracle := regexp.MustCompile(source)
		for range 30 {
			text := make([]byte, r.IntN(8))
			for i := range text {
				text[i] = "abc"[r.IntN(3)]
			}
			want := oracle.Match(text)
			if got := d.Match(string(text)); got != want {
				t.Fatalf("%s on %q: %v, want %v", source, text, got, want)
			}
			if want {
				matched++
			}
		}
	}
	if matched < 1000 {
		t.Fatalf("only %d strings matched", matched)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	a, err := Pattern("^a")
	if err != nil {
		t.Fatal(err)
	}
	words, err := Words("ab", "a", "", "b", "äß")
	if err != nil {
		t.Fatal(err)
	}
	length, err := Length(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	must := func(d DFA, err error) DFA {
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		name    string
		d       DFA
		yes, no string
	}{
		{"words", words, "|ab|a|b|äß", "abc|ä|aa"},
		{"and", must(a.And(words)), "ab|a", "b||abc"},
		{"or", must(a.Or(words)), "ab|a|b||abc", "bb"},
		{"minus", must(a.Minus(words)), "aa|abc", "a|ab|b|"},
		{"not", must(Anything().Minus(a)), "|b|ba", "a|ab"},
		{"length", must(a.And(length)), "a|ab|aü", "|abc|b"},
	} {
		for text := range strings.SplitSeq(c.yes, "|") {
			if !c.d.Match(text) {
				t.Errorf("%s refuses %q", c.name, text)
			}
		}
		for text := range strings.SplitSeq(c.no, "|") {
			if c.d.Match(text) {
				t.Errorf("%s accepts %q", c.name, text)
			}
		}
	}
	if d := must(a.Minus(Anything())); !d.Empty() || d.Match("") {
		t.Error("nothing is left, but not empty")
	}
	unanchored, _ := Pattern("foo")
	free := 0
	for i := range unanchored {
		if unanchored.Free(i) {
			free++
		}
	}
	if len(unanchored) != 4 || free != 1 {
		t.Errorf("foo has %d states, %d of them free", len(unanchored), free)
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"^a|b$", `[\w-]+@\d{2,3}`, "(?:a*)*", "(a|b)*a(a|b){9}", "[^]", `\ud83d\ude00`} {
		f.Add(s, "ab")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 200 {
			return
		}
		d, err := Pattern(source)
		if err != nil {
			return
		}
		d.Match(text)
		for i, s := range d {
			for j, e := range s.Edges {
				if e.Lo > e.Hi || e.To < 0 || e.To >= len(d) || j > 0 && s.Edges[j-1].Hi >= e.Lo {
					t.Fatalf("state %d has a bad edge %v", i, e)
				}
			}
		}
	})
}
