package dataset

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// list is what a {list} of a template stands for: a choice of values, a range
// of numbers, or (a wildcard) any text, which then must come from our own
// lists of names.
type list struct {
	values   []value
	rng      *numberRange
	wildcard bool
}

// value is one choice. The slot gets out; a nil out means the words as spoken.
type value struct {
	in  node
	out any
}

// numberRange is from..to inclusive; halves also allows x.5.
type numberRange struct {
	from, to int
	halves   bool
}

// rawList is a list as it stands in YAML.
type rawList struct {
	Values   []rawValue `yaml:"values"`
	Wildcard bool       `yaml:"wildcard"`
	Range    *struct {
		From      int    `yaml:"from"`
		To        int    `yaml:"to"`
		Fractions string `yaml:"fractions"`
	} `yaml:"range"`
}

// rawValue is a plain template, or a mapping with "in" and "out".
type rawValue struct {
	In  string
	Out any
}

func (v *rawValue) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		v.In = n.Value
		return nil
	}
	var m struct {
		In  string `yaml:"in"`
		Out any    `yaml:"out"`
	}
	if err := n.Decode(&m); err != nil {
		return fmt.Errorf("line %d: list value: %w", n.Line, err)
	}
	v.In, v.Out = m.In, m.Out
	return nil
}

// compile parses a list. With literal, a value without "out" is its own
// canonical name (a colour); without, it is words to copy (a device's name).
func (r rawList) compile(literal bool, rules func(string) (string, bool)) (*list, error) {
	l := &list{wildcard: r.Wildcard}
	if r.Range != nil {
		l.rng = &numberRange{r.Range.From, r.Range.To, r.Range.Fractions == "halves"}
		if l.rng.to < l.rng.from {
			return nil, fmt.Errorf("range %d..%d is empty", l.rng.from, l.rng.to)
		}
	}
	for _, v := range r.Values {
		in, err := parseTemplate(v.In, rules)
		if err != nil {
			return nil, err
		}
		if v.Out == nil && literal && in.kind == kindText {
			v.Out = v.In
		}
		l.values = append(l.values, value{in: in, out: v.Out})
	}
	if !l.wildcard && l.rng == nil && len(l.values) == 0 {
		return nil, fmt.Errorf("has neither values nor range nor wildcard")
	}
	return l, nil
}

// draw picks a number and how it is said. Round numbers are drawn more often,
// as people do.
func (r numberRange) draw(rng *rand.Rand, lang string) (spoken string, out any) {
	n := r.from + rng.IntN(r.to-r.from+1)
	if rng.IntN(3) == 0 {
		if round := n / 5 * 5; round >= r.from {
			n = round
		}
	}
	if r.halves && rng.IntN(8) == 0 && n < r.to {
		half := float64(n) + 0.5
		return strconv.FormatFloat(half, 'g', -1, 64), half
	}
	return sayNumber(rng, lang, n), n
}

func sayNumber(rng *rand.Rand, lang string, n int) string {
	if rng.IntN(10) < 7 {
		return strconv.Itoa(n)
	}
	if lang == Chinese {
		if n == 2 && rng.IntN(2) == 0 {
			return "两"
		}
		return chineseNumber(n)
	}
	words := englishNumber(n)
	if rng.IntN(2) == 0 {
		words = strings.ReplaceAll(words, "-", " ")
	}
	return words
}
