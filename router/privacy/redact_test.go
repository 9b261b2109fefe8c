package privacy

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/a472be26/cusp/router"
)

// hideAll hides texts as those of one question.
func hideAll(t testing.TB, texts ...string) ([]string, Mapping) {
	t.Helper()
	r := newRedaction(nil, DefaultMaxText)
	for _, text := range texts {
		r.learn(text)
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	r.name()
	var out []string
	for _, text := range texts {
		out = append(out, r.hide(text))
	}
	return out, r.Mapping
}

// plainly restores a text that is no answer.
func (m Mapping) plainly(text string) string {
	return m.question(router.Question{Prompt: text}).Prompt
}

func TestPlaceholdersAreStable(t *testing.T) {
	t.Parallel()
	in := []string{
		"mail bob@example.com and alice@example.org; again bob@example.com",
		"my name is Alice Meyer",
		"<EMAIL_1> is what I wrote myself, and Alice Meyer knows bob@example.com",
	}
	got, m := hideAll(t, in...)
	want := []string{
		"mail <EMAIL_2> and <EMAIL_3>; again <EMAIL_2>",
		"my name is <NAME_1>",
		"<EMAIL_1> is what I wrote myself, and <NAME_1> knows <EMAIL_2>",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("hidden %q, want %q", got[i], want[i])
		}
		if back := m.plainly(got[i]); back != in[i] {
			t.Errorf("restored %q, want %q", back, in[i])
		}
	}
}

func TestSecretsInJSON(t *testing.T) {
	t.Parallel()
	in := `{"user": "Alice", "password": "hun\"ter2", "phone": 13800138000, "note": "plain", "n": [1, 2.50]}`
	r := newRedaction(nil, DefaultMaxText)
	r.learnJSON(in)
	r.name()
	got := r.hideJSON(in)
	if want := `{"user": "<NAME_1>", "password": "<SECRET_1>", "phone": "<PHONE_1>", "note": "plain", "n": [1, 2.50]}`; got != want {
		t.Errorf("hidden %s, want %s", got, want)
	}
	if back, want := r.Mapping.JSON(got), strings.Replace(in, "13800138000", `"13800138000"`, 1); back != want {
		t.Errorf("restored %s, want %s", back, want)
	}
}

func TestRestoredJSONStaysJSON(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN PRIVATE KEY-----\nMIIE\"\\\n-----END PRIVATE KEY-----"
	m := Mapping{"<SECRET_1>": key, "<NAME_1>": "Zoë"}
	for _, text := range []string{
		`{"key":"<SECRET_1>","to":"<NAME_1>"}`,
		`{"key":"\u003cSECRET_1\u003e","to":"\u003CNAME_1>"}`,
	} {
		var v struct{ Key, To string }
		if err := json.Unmarshal([]byte(m.JSON(text)), &v); err != nil || v.Key != key || v.To != "Zoë" {
			t.Errorf("%s became %s: %v", text, m.JSON(text), err)
		}
		if m.Text(" \n"+text) != " \n"+m.JSON(text) {
			t.Errorf("text that is JSON became %s", m.Text(text))
		}
	}
	if got := m.Text("the key is <SECRET_1>, [ok] <NAME_2>"); got != "the key is "+key+", [ok] <NAME_2>" {
		t.Errorf("text became %q", got)
	}
	if got := m.JSON(`{"a":"\\u003cNAME_1>"}`); got != `{"a":"\\u003cNAME_1>"}` {
		t.Errorf("an escaped backslash became %s", got)
	}
}

// Whatever the pieces, the answer is the same; and nothing waits but what may be a
// placeholder.
func TestStreamHoldsBackNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	m := Mapping{"<EMAIL_1>": "bob@example.com", "<EMAIL_12>": "eve@example.com"}
	for _, c := range []struct{ pieces, shown []string }{
		{[]string{"to <EMA", "IL_1", "> and"}, []string{"to ", "", "bob@example.com and"}},
		{[]string{"<EMAIL_1", "2>"}, []string{"", "eve@example.com"}},
		{[]string{"a < b", " <", "x"}, []string{"a < b", " ", "<x"}},
		{[]string{"<EMAIL_3", ">"}, []string{"<EMAIL_3", ">"}},
		{[]string{"<EMAX", "_1>"}, []string{"<EMAX", "_1>"}},
		{[]string{`a\`, "b"}, []string{`a\`, "b"}},
		{[]string{`{"a":"x\`, `u003cEMAIL_1`, `\u00`, `3e"}`}, []string{`{"a":"x`, "", "", `bob@example.com"}`}},
	} {
		s := m.stream(false)
		for i, piece := range c.pieces {
			if got := s.add(piece); got != c.shown[i] {
				t.Errorf("%q: piece %d shows %q, want %q", c.pieces, i, got, c.shown[i])
			}
		}
		if rest := s.end(); rest != "" {
			t.Errorf("%q: %q is left", c.pieces, rest)
		}
	}
	s := m.stream(false)
	if got := s.add("x <EMAIL") + s.end(); got != "x <EMAIL" {
		t.Errorf("what is cut off shows %q", got)
	}
}

// hostile are pieces of texts that make searches go back again and again.
var hostile = []string{
	"@", "a@", "a@b.", "1 ", "1-", "1.", "(1) ", "+1", ":", "a:", "::1", "aa:", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "password: ", "password is a",
	"://a:", "eyJ", "sk-", "A", "Aa", "aB3", "A. ", "Mr A", "路1号", "王", "我叫", "北京市", "°", "1.0000,", "<", "<EMAIL_1", "\u200b", "１", "DE89", "DE8 ", "Ab ",
	"a b 1 st ", "aaa@bbb.ccc ", "call Anna Meyer ", "{\"a\":1}", "[1,", `"\`,
}

// A search that took more than linear time for one of these would run into the
// tests' time limit.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for _, piece := range hostile {
		r := newRedaction(nil, DefaultMaxText)
		text := strings.Repeat(piece, 64<<10/len(piece))
		if isJSON(text) {
			t.Fatalf("%q", piece)
		}
		r.learn(text)
		r.name()
		r.hide(text)
	}
}

func BenchmarkFind(b *testing.B) {
	texts := map[string]string{"question": "Turn on the kitchen light at 7:30, and tell Alice Meyer (alice@example.org) about it."}
	for _, e := range readCorpus(b, "en.txt") {
		texts["english"] += e.text + "\n"
	}
	for _, e := range readCorpus(b, "zh.txt") {
		texts["chinese"] += e.text + "\n"
	}
	for _, piece := range hostile {
		texts["hostile "+piece] = strings.Repeat(piece, 32<<10/len(piece))
	}
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r := newRedaction(nil, DefaultMaxText)
				r.learn(text)
				r.name()
				r.hide(text)
			}
		})
	}
}

func FuzzFind(f *testing.F) {
	for _, file := range []string{"en.txt", "zh.txt"} {
		for i, e := range readCorpus(f, file) {
			if i%5 == 0 {
				f.Add(e.text)
			}
		}
	}
	f.Add("\xff@\xfe.com １\u200b２")
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		all, _ := Find(text)
		for _, x := range all {
			if x.From < last || x.To <= x.From || x.To > len(text) || utf8.ValidString(text) && !utf8.ValidString(text[x.From:x.To]) {
				t.Fatalf("finding %+v in %q", x, text)
			}
			last = x.To
		}
	})
}

// What is hidden comes back, in a text as in JSON, however the answer is cut, and no
// value that was hidden by its shape is left.
func FuzzRoundTrip(f *testing.F) {
	for _, file := range []string{"en.txt", "zh.txt"} {
		for i, e := range readCorpus(f, file) {
			if i%7 == 0 {
				f.Add(e.text, uint8(i))
			}
		}
	}
	f.Add(`{"password":"a\"b\\c1"}`, uint8(3))
	f.Add("<EMAIL_1> <EMAIL_x@y.zz> <SECRET_1", uint8(1))
	f.Fuzz(func(t *testing.T, text string, cut uint8) {
		hidden, m := hideAll(t, text)
		if back := m.plainly(hidden[0]); !isJSON(text) && !isJSON(hidden[0]) && back != text {
			t.Errorf("%q became %q and then %q", text, hidden[0], back)
		}
		s, pieces := m.stream(false), ""
		n := int(cut)%7 + 1
		for h := hidden[0]; h != ""; h = h[min(n, len(h)):] {
			pieces += s.add(h[:min(n, len(h))])
		}
		if pieces += s.end(); pieces != m.Text(hidden[0]) {
			t.Errorf("in pieces %q, as a whole %q", pieces, m.Text(hidden[0]))
		}
		if isJSON(text) {
			roundTripJSON(t, text)
		}
	})
}

func roundTripJSON(t *testing.T, text string) {
	r := newRedaction(nil, DefaultMaxText)
	r.learnJSON(text)
	if r.err != nil {
		return
	}
	r.name()
	hidden := r.hideJSON(text)
	if back := r.Mapping.JSON(hidden); !json.Valid([]byte(hidden)) || !json.Valid([]byte(back)) {
		t.Errorf("%s became %s and then %s", text, hidden, back)
	}
}
