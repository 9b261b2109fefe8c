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

// However the text is cut into deltas, what comes out ends before the stop
// string and loses nothing before it.
func FuzzStops(f *testing.F) {
	f.Add("hello STOP world", "STOP", uint8(1))
	f.Add("aaaaab", "aab", uint8(2))
	f.Add("你好再见", "再见", uint8(3))
	f.Fuzz(func(t *testing.T, text, stop string, size uint8) {
		if stop == "" || size == 0 {
			return
		}
		var out, held string
		found := false
		for rest := text; rest != "" && !found; {
			n := min(int(size), len(rest))
			var safe string
			safe, held, found = stops{stop}.cut(held + rest[:n])
			out += safe
			rest = rest[n:]
		}
		out += held
		want, _, there := strings.Cut(text, stop)
		if out != want || found != there {
			t.Fatalf("%q with stop %q became %q (found %v), want %q", text, stop, out, found, want)
		}
	})
}
