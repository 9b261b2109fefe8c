package bench

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Shape is the size of a Llama model. A head is Dim/Heads wide.
type Shape struct {
	Name                                    string
	Dim, Layers, Heads, KVHeads, FFN, Vocab int
	Tied                                    bool   // the head is the embedding
	note                                    string // what sets it apart from the model of that name
}

// shapes are the named ones. The architecture is always Llama's: it is what the
// engine runs, and the work of the others hardly differs.
var shapes = map[string]Shape{
	"15m":            {Dim: 288, Layers: 6, Heads: 6, KVHeads: 6, FFN: 768, Vocab: 32000, Tied: true},
	"qwen2.5-0.5b":   {Dim: 896, Layers: 24, Heads: 14, KVHeads: 2, FFN: 4864, Vocab: 151936, Tied: true, note: "as Llama, without the original's biases"},
	"student":        {Dim: 256, Layers: 4, Heads: 8, KVHeads: 4, FFN: 704, Vocab: 4096, Tied: true, note: "of distill/recipes/student.toml"},
	"tinyllama-1.1b": {Dim: 2048, Layers: 22, Heads: 32, KVHeads: 4, FFN: 5632, Vocab: 32000},
}

// ShapeNames lists the named shapes.
func ShapeNames() []string { return slices.Sorted(maps.Keys(shapes)) }

// ParseShape reads the name of a shape or a list such as
// "dim=256,layers=4,heads=8,kv_heads=4,ffn=704,vocab=4096". kv_heads is heads
// unless given; "tied=1" makes the embedding the head.
func ParseShape(text string) (Shape, error) {
	s, ok := shapes[text]
	if !ok && !strings.Contains(text, "=") {
		return Shape{}, fmt.Errorf("shape %q is not known: give one of %s, or dim=..,layers=..,heads=..,kv_heads=..,ffn=..,vocab=..",
			text, strings.Join(ShapeNames(), ", "))
	}
	if !ok {
		var err error
		if s, err = parseSizes(text); err != nil {
			return Shape{}, fmt.Errorf("shape %q: %w", text, err)
		}
	}
	s.Name = text
	return s, s.check()
}

// parseSizes reads key=value pairs; all but kv_heads and tied must be there.
func parseSizes(text string) (Shape, error) {
	var s Shape
	tied := 0
	fields := map[string]*int{"dim": &s.Dim, "layers": &s.Layers, "heads": &s.Heads, "kv_heads": &s.KVHeads, "ffn": &s.FFN, "vocab": &s.Vocab, "tied": &tied}
	known := slices.Sorted(maps.Keys(fields))
	given := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(pair, "=")
		field, ok := fields[key]
		if !ok || given[key] {
			return s, fmt.Errorf("%q is not known or given twice: each of %s once", key, strings.Join(known, ", "))
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return s, fmt.Errorf("%s is %q, not a number", key, value)
		}
		*field, given[key] = n, true
	}
	if !given["kv_heads"] {
		s.KVHeads = s.Heads
	}
	for _, key := range known {
		if !given[key] && key != "kv_heads" && key != "tied" {
			return s, fmt.Errorf("%s is missing", key)
		}
	}
	if tied != 0 && tied != 1 {
		return s, fmt.Errorf("tied is %d, not 0 or 1", tied)
	}
	s.Tied = tied == 1
	return s, nil
}

// Bounds of the sizes: products of two of them cannot overflow, and the list of
// the tensors stays short.
const (
	largestSize = 1 << 20
	mostLayers  = 1 << 12
)

func (s Shape) check() error {
	for _, f := range []struct {
		name string
		n    int
	}{{"dim", s.Dim}, {"layers", s.Layers}, {"heads", s.Heads}, {"kv_heads", s.KVHeads}, {"ffn", s.FFN}, {"vocab", s.Vocab}} {
		if f.n < 1 || f.n > largestSize {
			return fmt.Errorf("shape %q: %s is %d, not between 1 and %d", s.Name, f.name, f.n, largestSize)
		}
	}
	switch {
	case s.Layers > mostLayers:
		return fmt.Errorf("shape %q: layers is %d, not between 1 and %d", s.Name, s.Layers, mostLayers)
	case s.Dim%(2*s.Heads) != 0:
		return fmt.Errorf("shape %q: dim %d does not make %d heads of an even width", s.Name, s.Dim, s.Heads)
	case s.Heads%s.KVHeads != 0:
		return fmt.Errorf("shape %q: %d heads cannot share %d kv_heads evenly", s.Name, s.Heads, s.KVHeads)
	}
	return nil
}
