package assistant

import (
	"strings"
	"testing"
)

func TestStopsCut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		stops      stops
		text       string
		safe, held string
		found      bool
	}{
		{"no stops", nil, "abc", "abc", "", false},
		{"not near", stops{"\n\n"}, "abc", "abc", "", false},
		{"could begin", stops{"\n\n"}, "abc\n", "abc", "\n", false},
		{"is there", stops{"\n\n"}, "abc\n\ndef", "abc", "", true},
		{"the longest beginning is held", stops{"aab"}, "xaa", "x", "aa", false},
		{"a beginning that failed is released", stops{"aab"}, "xaac", "xaac", "", false},
		{"the first of several", stops{"END", "STOP"}, "a STOP b END", "a ", "", true},
		{"the longer hold of several", stops{"ab", "yab c"}, "xyab", "xy", "", true},
		{"holds for several", stops{"b!", "yab c"}, "xyab", "x", "yab", false},
		{"runes", stops{"再见"}, "你好再", "你好", "再", false},
		{"at the start", stops{"ab"}, "ab", "", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			safe, held, found := tt.stops.cut(tt.text)
			if safe != tt.safe || held != tt.held || found != tt.found {
				t.Fatalf("cut(%q) = %q, %q, %v; want %q, %q, %v", tt.text, safe, held, found, tt.safe, tt.held, tt.found)
			}
		})
	}
}

// stopPlain ends a text where it first ends in a stop string, without the longest
// one that it ends in.
func stopPlain(text string, all stops) (out string, found bool) {
	for end := 1; end <= len(text); end++ {
		longest := ""
		for _, stop := range all {
			if strings.HasSuffix(text[:end], stop) && len(stop) > len(longest) {
				longest = stop
			}
		}
		if longest != "" {
			return text[:end-len(longest)], true
		}
	}
	return text, false
}

// inPieces cuts a text that comes in pieces: a bit of ends for each byte, 1 for
// the last of a piece.
func inPieces(text string, all stops, ends uint64) (out string, found bool) {
	var held, safe string
	from := 0
	for i := range len(text) {
		if ends>>(i%64)&1 == 0 && i+1 < len(text) {
			continue
		}
		safe, held, found = all.cut(held + text[from:i+1])
		out, from = out+safe, i+1
		if found {
			return out, true
		}
	}
	return out + held, false
}

// In whichever pieces a text comes, it ends at the same place.
func TestStopsAtEverySplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		all  stops
	}{
		{"abcdefghij", stops{"efg"}},
		{"xabcdy", stops{"abcd", "bc"}},
		{"xabcdy", stops{"bcd", "cd", "d"}},
		{"aabaabaaa", stops{"aabaaa", "abab"}},
		{"aaaaaaab", stops{"aab"}},
		{"ab\n\nUser:", stops{"\nUser", "\n\nUser:"}},
		{"你好再", stops{"\xa5", "再见"}}, // within a rune, and one that never comes
		{"a你b", stops{"你b", "你"}},
		{"no such", stops{"end", "uchx"}},
	} {
		want, there := stopPlain(c.text, c.all)
		for ends := range uint64(1) << (len(c.text) - 1) {
			if got, found := inPieces(c.text, c.all, ends); got != want || found != there {
				t.Fatalf("%q with %q in the pieces %b became %q (found %v), want %q", c.text, c.all, ends, got, found, want)
			}
		}
	}
}

// However the text is cut into deltas, what comes out ends before the stop
// string that is complete first, and loses nothing before it.
func FuzzStops(f *testing.F) {
	f.Add("hello STOP world", "STOP", "x", uint64(0xffff))
	f.Add("aaaaab", "aab", "ab", uint64(0x2a))
	f.Add("你好再见", "再见", "见", uint64(0x249))
	f.Add("abcd", "abcd", "bc", uint64(0))
	f.Fuzz(func(t *testing.T, text, first, second string, ends uint64) {
		if first == "" || second == "" {
			return
		}
		all := stops{first, second}
		want, there := stopPlain(text, all)
		if got, found := inPieces(text, all, ends); got != want || found != there {
			t.Fatalf("%q with stops %q became %q (found %v), want %q", text, all, got, found, want)
		}
	})
}
