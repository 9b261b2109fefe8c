package match

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text 123":           "plain text 123",
		"１３８００１３８０００":              "13800138000",
		"a\u200bb\u00adc\u2060d":   "abcd",
		"x\u00a0y\u3000z":          "x y z",
		"1\u20132\u22123":          "1-2-3",
		"٣٤٥ ३४५ 𝟗𝟬":               "345 345 90",
		"ｂｏｂ＠ｅｘ．ｃｏｍ":               "bob@ex.com",
		"你好，世界":                    "你好,世界",
		"bad \xff bytes\u200d end": "bad \ufffd bytes end",
	} {
		if got := Fold(in).Text; got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpanLeadsBack(t *testing.T) {
	t.Parallel()
	text := "电话１３\u200b８！"
	f := Fold(text)
	i := strings.Index(f.Text, "138")
	from, to := f.Span(i, i+3)
	if text[from:to] != "１３\u200b８" {
		t.Errorf("span is %q", text[from:to])
	}
}

// The way back to a digit's value stands on its table lying in runs of ten.
func TestDigitsLieInRunsOfTen(t *testing.T) {
	t.Parallel()
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("range %x to %x", r.Lo, r.Hi)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("range %x to %x", r.Lo, r.Hi)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule Rule
		s    Subject
		want bool
	}{
		"client":                {Rule{Client: []string{"iot"}}, Subject{Client: "iot"}, true},
		"another client":        {Rule{Client: []string{"iot"}}, Subject{Client: "api"}, false},
		"client by pattern":     {Rule{Client: []string{"api:clinic-*"}}, Subject{Client: "api:clinic-7"}, true},
		"topic":                 {Rule{Topic: []string{"cusp/+/about/health/#"}}, Subject{Topic: "cusp/d1/about/health/pulse"}, true},
		"topic's own level":     {Rule{Topic: []string{"a/#"}}, Subject{Topic: "a"}, true},
		"longer topic":          {Rule{Topic: []string{"a/+"}}, Subject{Topic: "a/b/c"}, false},
		"shorter topic":         {Rule{Topic: []string{"a/+"}}, Subject{Topic: "a"}, false},
		"no topic":              {Rule{Topic: []string{"#"}}, Subject{}, false},
		"tool":                  {Rule{Tool: []string{"get_health_*"}}, Subject{Tools: []string{"light", "get_health_record"}}, true},
		"word":                  {Rule{Words: []string{"Diagnosis"}}, Subject{Texts: []string{"x", "my DIAGNOSIS?"}}, true},
		"part of a word":        {Rule{Words: []string{"gnosis"}}, Subject{Texts: []string{"diagnosis"}}, false},
		"Chinese inside":        {Rule{Words: []string{"诊断"}}, Subject{Texts: []string{"我的诊断书"}}, true},
		"full-width":            {Rule{Words: []string{"secret"}}, Subject{Texts: []string{"ｓｅ\u200bｃｒｅｔ"}}, true},
		"two words":             {Rule{Words: []string{"bank account"}}, Subject{Texts: []string{"the bank account."}}, true},
		"regex":                 {Rule{Regex: []string{`P-\d{4}`}}, Subject{Texts: []string{"patient P-1234"}}, true},
		"word without client":   {Rule{Client: []string{"iot"}, Words: []string{"x"}}, Subject{Client: "api", Texts: []string{"x"}}, false},
		"word and regex, apart": {Rule{Words: []string{"x"}, Regex: []string{"y+"}}, Subject{Texts: []string{"x", "yy"}}, true},
		"word, no regex":        {Rule{Words: []string{"x"}, Regex: []string{"y+"}}, Subject{Texts: []string{"x"}}, false},
	} {
		m, err := New(c.rule)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := m.Match(c.s); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Rule{
		"says nothing":      {},
		"topic:":            {Topic: []string{"a/b#"}},
		"client:":           {Client: []string{"[a"}},
		"regex:":            {Regex: []string{"("}},
		"every text":        {Regex: []string{"x*"}},
		"words: an entry":   {Words: []string{" "}},
		"tool: 1025 entrie": {Tool: make([]string, 1025)},
	} {
		if _, err := New(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", r, err, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "abc", "１２\u200b３", "\xff\u00ad", "𝟗x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folded := Fold(text)
		last := 0
		for i := range len(folded.Text) {
			from, to := folded.Span(i, i+1)
			if from < 0 || from >= to || to > len(text) || from < last && utf8.ValidString(text) && utf8.RuneStart(folded.Text[i]) {
				t.Fatalf("byte %d of %q comes from %d to %d of %q", i, folded.Text, from, to, text)
			}
			last = from
		}
		if again := Fold(folded.Text).Text; again != folded.Text {
			t.Errorf("folded twice: %q, once %q", again, folded.Text)
		}
	})
}
