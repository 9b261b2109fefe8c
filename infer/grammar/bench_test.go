package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// largeVocabulary is like those of byte-level tokenizers: all bytes, words with
// and without a space before and with different cases, what code is made of, up
// to three digits, runs of spaces, and characters of other scripts with parts of
// them. Token 0 ends.
func largeVocabulary(size int) *Vocabulary {
	r := rand.New(rand.NewPCG(11, 12))
	seen := map[string]bool{}
	tokens := [][]byte{nil}
	add := func(s string) {
		if !seen[s] && len(tokens) < size && s != "" {
			seen[s] = true
			tokens = append(tokens, []byte(s))
		}
	}
	for b := range 256 {
		add(string([]byte{byte(b)}))
	}
	for n := range 1000 {
		add(fmt.Sprint(n))
		add(fmt.Sprintf("%03d", n))
	}
	for n := range 100 {
		add(strings.Repeat(" ", n))
		add("\n" + strings.Repeat(" ", n))
		add(strings.Repeat("\t", n/4))
	}
	signs := []string{"{", "}", "[", "]", `"`, ",", ":", "'", "(", ")", ";", "=", "/", "<", ">", ".", "\\", "-", "\n", " ", "\t", "_", "#", "*"}
	for len(tokens) < 7*size/128 {
		s := ""
		for range 1 + r.IntN(4) {
			s += signs[min(r.IntN(len(signs)), r.IntN(len(signs)))]
		}
		add(s)
	}
	syllables := strings.Fields("a e i o u an en in on un er ar or re le la al st th sh ch tr pr con com de dis ment tion ing ed ly ness able ful ist ism ic al ous ive ate ize un re pre sub inter over ex per pro tele graph photo bio geo auto micro data base file name list type str num key val id get set is to from for with")
	for len(tokens) < 100*size/128 {
		s := ""
		for n := 1 + min(r.IntN(5), r.IntN(5)); n >= 0; n-- {
			s += syllables[r.IntN(len(syllables))]
		}
		switch r.IntN(10) {
		case 0:
			s = strings.ToUpper(s[:1]) + s[1:]
		case 1, 2, 3, 4:
			s = " " + s
		case 5:
			s = " " + strings.ToUpper(s[:1]) + s[1:]
		case 6:
			s = signs[r.IntN(len(signs))] + s
		case 7:
			if r.IntN(4) == 0 {
				s += signs[r.IntN(len(signs))]
			}
		}
		add(s)
	}
	scripts := []rune{0x430, 0x4e00, 0x3040, 0xac00, 0x620, 0x5d0, 0xe0, 0x900, 0xe00, 0x1f600}
	for len(tokens) < size {
		base := scripts[r.IntN(len(scripts))]
		s := ""
		for range 1 + r.IntN(4) {
			s += string(base + rune(r.IntN(80+int(base)%4000)))
		}
		if r.IntN(12) == 0 {
			s = s[:len(s)-1]
		}
		if r.IntN(6) == 0 {
			s = " " + s
		}
		add(s)
	}
	return NewVocabulary(tokens, []int32{0})
}

var benchSchemas = []struct{ name, schema, text string }{
	{"object", `{"type": "object"}`,
		`{"name": "a data base of photos", "list": [1, 2.5, {"deep": [true, null, "x"]}], "more": {"key": "value with \"quotes\" and ünïcode 日本語", "n": -12e5}}`},
	{"medium", `{"type": "object", "properties": {"name": {"type": "string", "maxLength": 100}, "age": {"type": "integer", "minimum": 0, "maximum": 150},
		"tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "maxItems": 5}, "email": {"type": "string", "format": "email"},
		"address": {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}, "required": ["street", "zip"]},
		"when": {"type": "string", "format": "date-time"}, "score": {"type": "number", "minimum": 0, "maximum": 1}}, "required": ["name", "age", "tags", "address", "when"]}`,
		`{"name": "Maria Constance Photograph", "age": 42, "tags": ["red", "blue"], "email": "maria@data.example", "address": {"street": "Main street 5", "zip": "12345"}, "when": "2024-05-06T07:08:09Z", "score": 0.75}`},
	{"strings", `{"type": "array", "items": {"type": "object", "properties": {"title": {"type": "string", "minLength": 5, "maxLength": 200}, "text": {"type": "string"}}, "required": ["title", "text"]}}`,
		`[{"title": "A report of the interpretation", "text": "All the data from the file is in the list, and the names of the keys are in the base. It has \"quoted\" words, new\nlines"},` +
			`{"title": "Another one with a longer title than before", "text": "and so it goes on for a while, without an end in sight, as texts do"}]`},
}

// tokenize divides a text into the longest tokens.
func tokenize(v *Vocabulary, text string) (ids []int32) {
	index := map[string]int32{}
	for id, t := range v.tokens {
		index[string(t)] = int32(id)
	}
	for len(text) > 0 {
		n := min(len(text), v.longest)
		for index[text[:n]] == 0 {
			n--
		}
		ids = append(ids, index[text[:n]])
		text = text[n:]
	}
	return append(ids, 0)
}

// BenchmarkMask is the mask of each token of a text, after the first time. It
// reports the median and the largest, and those of the very first time, when
// nothing is known of the vocabulary.
func BenchmarkMask(b *testing.B) {
	for _, c := range benchSchemas {
		b.Run(c.name, func(b *testing.B) {
			v := largeVocabulary(128 << 10)
			g, err := FromSchema([]byte(c.schema), SchemaOptions{})
			if err != nil {
				b.Fatal(err)
			}
			ids := tokenize(v, strings.ReplaceAll(c.text, "\nlines", `\nlines`))
			m := v.Compile(g)
			mask := make([]uint64, v.Words())
			measure := func() (times []time.Duration) {
				s := m.Start()
				for _, id := range ids {
					start := time.Now()
					s.Mask(mask)
					times = append(times, time.Since(start))
					if mask[id/64]>>(id%64)&1 == 0 {
						b.Fatalf("token %q is not allowed", v.tokens[id])
					}
					if err := s.Accept(id); err != nil {
						b.Fatal(err)
					}
				}
				slices.Sort(times)
				return times
			}
			first := measure()
			m = v.Compile(g)
			second := measure()
			var all []time.Duration
			for b.Loop() {
				all = append(all, measure()...)
			}
			slices.Sort(all)
			report := func(t time.Duration, unit string) { b.ReportMetric(float64(t.Nanoseconds())/1e3, unit) }
			report(all[len(all)/2], "median-µs")
			report(all[len(all)*99/100], "p99-µs")
			report(first[len(first)/2], "first-median-µs")
			report(first[len(first)-1], "first-max-µs")
			report(second[len(second)/2], "next-request-median-µs")
			report(second[len(second)-1], "next-request-max-µs")
			b.ReportMetric(float64(len(ids)), "tokens")
		})
	}
}

// BenchmarkFirst is a mask of all of a vocabulary, where nothing is known yet: in
// a string, and in one whose characters are counted.
func BenchmarkFirst(b *testing.B) {
	v := largeVocabulary(128 << 10)
	for _, schema := range []string{`{"type": "string"}`, `{"type": "string", "maxLength": 500}`} {
		b.Run(schema, func(b *testing.B) {
			g, err := FromSchema([]byte(schema), SchemaOptions{})
			if err != nil {
				b.Fatal(err)
			}
			mask := make([]uint64, v.Words())
			for b.Loop() {
				v.leaves.found = nil
				s := v.Compile(g).Start()
				if err := s.AcceptText([]byte(`"`)); err != nil {
					b.Fatal(err)
				}
				s.Mask(mask)
			}
		})
	}
}

// BenchmarkVocabulary is what is made once per model.
func BenchmarkVocabulary(b *testing.B) {
	v := largeVocabulary(128 << 10)
	for b.Loop() {
		NewVocabulary(v.tokens, v.end)
	}
	b.ReportMetric(float64(v.trie.size())/(1<<20), "MiB")
}

// BenchmarkCompile is what is made once per request.
func BenchmarkCompile(b *testing.B) {
	for _, c := range benchSchemas {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := FromSchema([]byte(c.schema), SchemaOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
