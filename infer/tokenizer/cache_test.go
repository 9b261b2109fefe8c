package tokenizer

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func TestPieceCacheKeepsPiecesApart(t *testing.T) {
	t.Parallel()
	var c pieceCache
	c.keep(7<<32, "one", []int32{1})
	if _, ok := c.find(7<<32, "two"); ok {
		t.Error("found another piece in its slot")
	}
	c.keep(7<<32, "two", []int32{2, 3})
	if _, ok := c.find(7<<32, "one"); ok {
		t.Error("found a piece that was replaced")
	}
	if ids, ok := c.find(7<<32, "two"); !ok || !slices.Equal(ids, []int32{2, 3}) {
		t.Errorf("two is %v, %v", ids, ok)
	}
	long := string(make([]byte, maxCached+1))
	c.keep(8<<32, long, []int32{4})
	if _, ok := c.find(8<<32, long); ok {
		t.Error("kept a long piece")
	}
}

// What was encoded before, here or in another goroutine, changes nothing.
func TestEncodeTheSameAgainAndAgain(t *testing.T) {
	t.Parallel()
	m := small()
	want := map[string][]int32{}
	for i := range 200 {
		text := fmt.Sprintf("hello hel%dlo shell%d", i, i*i)
		want[text] = m.load(t).Encode(text, false)
	}
	tok := m.load(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				for text, want := range want {
					if got := tok.Encode(text, false); !slices.Equal(got, want) {
						t.Errorf("%q: %v, want %v", text, got, want)
					}
				}
			}
		})
	}
	all.Wait()
}
