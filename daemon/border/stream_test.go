package border

import (
	"errors"
	"strings"
	"testing"
)

func TestStreamPassesEachByteOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		runs  [][]string // the deltas of each attempt
		whole string
		emits string
		fits  bool
	}{
		"in one go":             {[][]string{{"he", "llo"}}, "hello", "hello", true},
		"the end comes at last": {[][]string{{"he"}}, "hello", "hello", true},
		"nothing but the end":   {nil, "hello", "hello", true},
		"begun again":           {[][]string{{"hel"}, {"h", "ello"}}, "hello", "hello", true},
		"begun again, shorter":  {[][]string{{"hello"}, {"he"}}, "hello", "hello", true},
		"in other words":        {[][]string{{"one way"}, {"another way to say it"}}, "another way to say it", "one way", false},
		"back to the first":     {[][]string{{"one"}, {"two"}, {"one way"}}, "one way", "one way", true},
		"less than was emitted": {[][]string{{"hello"}}, "hell", "hello", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := stream{emit: func(text string) error { out.WriteString(text); return nil }}
			for _, run := range c.runs {
				s.begin()
				for _, d := range run {
					if err := s.add(d); err != nil {
						t.Fatal(err)
					}
				}
			}
			fits, err := s.finish(c.whole)
			if err != nil || fits != c.fits || out.String() != c.emits {
				t.Errorf("emitted %q, fits %v, %v; want %q, %v", out.String(), fits, err, c.emits, c.fits)
			}
		})
	}
}

func TestStreamWithoutAReader(t *testing.T) {
	t.Parallel()
	s := stream{}
	if fits, err := s.finish("text"); !fits || err != nil {
		t.Errorf("fits %v, %v", fits, err)
	}
	gone := errors.New("gone")
	s = stream{emit: func(string) error { return gone }}
	if err := s.add("x"); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}
