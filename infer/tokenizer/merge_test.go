package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naive merges the best leftmost pair again and again, looking at all of them.
func naive(text string, rank func(left, right string) (int32, bool)) []string {
	symbols := strings.Split(text, "")
	for {
		best, at := int32(0), -1
		for i := 0; i+1 < len(symbols); i++ {
			if r, ok := rank(symbols[i], symbols[i+1]); ok && (at < 0 || r < best) {
				best, at = r, i
			}
		}
		if at < 0 {
			return symbols
		}
		symbols = slices.Replace(symbols, at, at+2, symbols[at]+symbols[at+1])
	}
}

func TestMergerEqualsNaiveMerging(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	word := func() string {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			b.WriteRune([]rune("abé")[r.IntN(3)])
		}
		return b.String()
	}
	for range 300 {
		var merges []string
		for range r.IntN(20) {
			merges = append(merges, word()+" "+word())
		}
		list := newMergeList(newTable(nil, nil), merges, spellAsIs)
		rank := func(left, right string) (int32, bool) {
			i := slices.Index(merges, left+" "+right)
			return int32(i), i >= 0
		}
		var text strings.Builder
		for range 1 + r.IntN(30) {
			text.WriteString(word())
		}
		var got []string
		m := new(merger)
		m.runes(text.String(), list.symbol)
		m.run(text.String(), list)
		m.rest(func(s symbol) { got = append(got, s.of(text.String())) })
		if want := naive(text.String(), rank); !slices.Equal(got, want) {
			t.Fatalf("%q with %q:\n got %q\nwant %q", text.String(), merges, got, want)
		}
	}
}

func TestTablesFindTheFirst(t *testing.T) {
	t.Parallel()
	keys := []string{"a", "b", "a", "", "ccc", "hidden"}
	table := newTable(keys, func(i int) bool { return i != 5 })
	for key, want := range map[string]int32{"a": 0, "b": 1, "": 3, "ccc": 4} {
		if got, ok := table.find(key); !ok || got != want {
			t.Errorf("find(%q) = %d, %v; want %d", key, got, ok, want)
		}
	}
	for _, key := range []string{"d", "cccc", "aa", "hidden"} {
		if _, ok := table.find(key); ok {
			t.Errorf("found %q", key)
		}
	}
}

func TestMergeListFindsTheFirst(t *testing.T) {
	t.Parallel()
	list := newMergeList(newTable(nil, nil), []string{"a b", " c d", "a b"}, spellAsIs)
	rank := func(left, right string) (int32, bool) {
		order, _, ok := list.rank("", symbol{id: list.symbol(left)}, symbol{id: list.symbol(right)})
		return order, ok
	}
	if rank, ok := rank("a", "b"); !ok || rank != 1 {
		t.Errorf("a b has rank %d, %v", rank, ok)
	}
	if rank, ok := rank(" c", "d"); !ok || rank != 2 {
		t.Errorf("a part with a space has rank %d, %v", rank, ok)
	}
	if _, ok := rank("b", "a"); ok {
		t.Error("found a merge that is not there")
	}
	if _, ok := rank("x", "y"); ok {
		t.Error("found a merge of parts that are not there")
	}
}
