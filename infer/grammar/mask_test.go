package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/grammar/regular"
)

// randomGrammar writes a grammar over a few characters, without left recursion
// as rules only refer to later ones, unless something stands before.
func randomGrammar(r *rand.Rand) string {
	const rules = 4
	var b strings.Builder
	var generate func(depth, from int, started bool) string
	symbol := func() string {
		return []string{`"a"`, `"b"`, `"ab"`, `"ä"`, `[ab]`, `[^ab]`, `.`, `"("`, `")"`, `[aäé]`, `"aab"`}[r.IntN(11)]
	}
	generate = func(depth, from int, started bool) string {
		if depth == 0 {
			return symbol()
		}
		switch r.IntN(8) {
		case 0:
			return "(" + generate(depth-1, from, started) + " | " + generate(depth-1, from, started) + ")"
		case 1, 2:
			return symbol() + " " + generate(depth-1, 1, true)
		case 3:
			return "(" + generate(depth-1, from, started) + ")" + []string{"*", "+", "?", "{2}", "{1,3}", "{0,2}"}[r.IntN(6)]
		case 4:
			return "([ab] | \"c\" .){" + fmt.Sprintf("%d,%d}", r.IntN(5), 200+r.IntN(100))
		case 5, 6:
			if from < rules {
				i := from + r.IntN(rules-from)
				return fmt.Sprintf("r%d", i)
			}
		}
		return symbol()
	}
	fmt.Fprintf(&b, "root ::= %s %s\n", generate(3, 1, false), generate(3, 1, false))
	for i := 1; i < rules; i++ {
		fmt.Fprintf(&b, "r%d ::= %s | \"a\"\n", i, generate(3, i+1, false))
	}
	return b.String()
}

// randomVocabulary has tokens of one to six bytes that grammars over the same
// characters like, among them parts of characters, equal ones and empty ones.
// Token 0 ends.
func randomVocabulary(r *rand.Rand, size int, pieces []string) *Vocabulary {
	tokens := make([][]byte, size)
	for i := range tokens {
		for n := r.IntN(6); n >= 0 && i > 0; n-- {
			tokens[i] = append(tokens[i], pieces[r.IntN(len(pieces))]...)
		}
		if r.IntN(20) == 0 {
			tokens[i] = nil
		}
	}
	return NewVocabulary(tokens, []int32{0, 0, -1, int32(size)})
}

// checkMask compares a mask with what every token does to a copy of the state,
// and returns the tokens that are allowed.
func checkMask(t *testing.T, s *State, mask []uint64) (allowed []int32) {
	t.Helper()
	v := s.machine.vocabulary
	s.Mask(mask)
	for id := range v.tokens {
		may := mask[id/64]>>(id%64)&1 != 0
		if err := s.Clone().Accept(int32(id)); may != (err == nil) {
			t.Fatalf("token %d %q: in the mask %v, alone: %v", id, v.tokens[id], may, err)
		}
		if may {
			allowed = append(allowed, int32(id))
		}
	}
	return allowed
}

func TestMaskIsWhatTokensDo(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"a", "b", "(", ")", "c", "ä", "é", "\xc3", "\xa4", "x", "ab"}
	steps, ends := 0, 0
	for n := range 400 {
		source := randomGrammar(r)
		g, err := Parse(source)
		if err != nil {
			t.Fatalf("%s%v", source, err)
		}
		m := randomVocabulary(r, 50+r.IntN(100), pieces).Compile(g)
		mask := make([]uint64, m.vocabulary.Words())
		for range 4 {
			s := m.Start()
			for range 25 {
				allowed := checkMask(t, s, mask)
				if len(allowed) == 0 || t.Failed() {
					break
				}
				id := allowed[r.IntN(len(allowed))]
				if s.Ended() || id == 0 && !s.Done() {
					t.Fatalf("grammar %d: token %d after the end", n, id)
				}
				if err := s.Accept(id); err != nil {
					t.Fatal(err)
				}
				if steps++; s.Ended() {
					ends++
					break
				}
			}
		}
		if t.Failed() {
			t.Fatal(source)
		}
	}
	if steps < 5000 || ends < 100 {
		t.Fatalf("only %d tokens and %d ends were tried", steps, ends)
	}
}

// naive matches a text with a grammar by trying everything.
type naive struct {
	rules []rule
	text  string
	work  int
}

func (n *naive) match(e expr, at int, then func(int) bool) bool {
	if n.work++; n.work > 1<<20 {
		return false
	}
	switch e := e.(type) {
	case text:
		return strings.HasPrefix(n.text[at:], string(e)) && then(at+len(e))
	case class:
		for _, r := range n.text[at:] {
			return slices.ContainsFunc(e, func(x regular.Range) bool { return x.Lo <= r && r <= x.Hi }) && then(at+len(string(r)))
		}
		return false
	case seq:
		if len(e) == 0 {
			return then(at)
		}
		return n.match(e[0], at, func(at int) bool { return n.match(e[1:], at, then) })
	case alt:
		return slices.ContainsFunc(e, func(x expr) bool { return n.match(x, at, then) })
	case ref:
		return n.match(n.rules[e].body, at, then)
	case repeat:
		if e.min <= 0 && then(at) {
			return true
		}
		if e.max == 0 {
			return false
		}
		return n.match(e.x, at, func(next int) bool {
			return (next > at || e.min > 0) && n.match(repeat{e.x, max(0, e.min-1), e.max - 1}, next, then)
		})
	}
	panic("unknown expression")
}

// Short texts of random grammars, against a matcher that backtracks.
func TestMachineLikeBacktracking(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	chars := []string{"a", "b", "(", ")", "ä", "c", "é"}
	yes := 0
	for range 600 {
		source := randomGrammar(r)
		p := &gbnf{source: source, index: map[string]int{}}
		if err := p.parse(); err != nil {
			t.Fatal(err)
		}
		g, err := compile(slices.Clone(p.rules))
		if err != nil {
			t.Fatal(err)
		}
		m := bytesVocabulary().Compile(g)
		for range 40 {
			var b strings.Builder
			for range r.IntN(8) {
				b.WriteString(chars[r.IntN(len(chars))])
			}
			n := &naive{rules: p.rules, text: b.String()}
			want := n.match(ref(0), 0, func(at int) bool { return at == len(n.text) })
			if n.work > 1<<20 {
				continue
			}
			s := m.Start()
			if got := s.AcceptText([]byte(n.text)) == nil && s.Done(); got != want {
				t.Fatalf("%s%q: %v, want %v", source, n.text, got, want)
			}
			if want {
				yes++
			}
		}
	}
	if yes < 500 {
		t.Fatalf("only %d texts matched", yes)
	}
}

func TestAcceptLeavesTheStateAfterAnError(t *testing.T) {
	t.Parallel()
	g, err := Parse(`root ::= "(" root ")" | "abc"`)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVocabulary([][]byte{nil, []byte("((a"), []byte("bc"), []byte("bx"), []byte("))"), []byte("c))")}, []int32{0})
	s := v.Compile(g).Start()
	for _, c := range []struct {
		token int32
		want  error
	}{{2, ErrToken}, {1, nil}, {3, ErrToken}, {0, ErrToken}, {2, nil}, {4, nil}, {4, ErrToken}, {0, nil}, {0, ErrEnded}, {1, ErrEnded}} {
		if err := s.Accept(c.token); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Fatalf("token %d: %v, want %v", c.token, err, c.want)
		}
	}
	if err := s.Accept(6); err == nil || s.AcceptText([]byte("a")) == nil {
		t.Error("a token that there is not, or a text after the end, is accepted")
	}
	s.Mask(make([]uint64, 1))
	s.Reset()
	if s.Ended() || s.Accept(1) != nil {
		t.Error("not as new after Reset")
	}
}

func TestClonesGoTheirOwnWay(t *testing.T) {
	t.Parallel()
	g, err := Parse(`root ::= "(" root ")" | "[" root "]" | "x"`)
	if err != nil {
		t.Fatal(err)
	}
	s := bytesVocabulary().Compile(g).Start()
	if err := s.AcceptText([]byte("([")); err != nil {
		t.Fatal(err)
	}
	c := s.Clone()
	if s.AcceptText([]byte("(x)])")) != nil || !s.Done() || c.Done() {
		t.Error("the first went wrong")
	}
	if c.AcceptText([]byte("[[x]]])")) != nil || !c.Done() {
		t.Error("the clone went wrong")
	}
}

func TestForced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, before, want string }{
		{`root ::= "abc" [de] "f"`, "", "abc"},
		{`root ::= "abc" [de] "f"`, "abcd", "f"},
		{`root ::= "abc" [de] "f"`, "abcdf", ""},
		{`root ::= "ab" "cd"?`, "", "ab"},
		{`root ::= ("x" root "y")`, "", ""},
		{"root ::= a | b\na ::= \"xy1\"\nb ::= \"xy2\"", "", "xy"},
		{`root ::= "(" [a-z]{500,500} ")"`, "(" + strings.Repeat("a", 500), ")"},
		{`root ::= "ä" | "ö"`, "", "\xc3"},
	} {
		g, err := Parse(c.source)
		if err != nil {
			if c.want == "" {
				continue
			}
			t.Fatal(err)
		}
		s := bytesVocabulary().Compile(g).Start()
		if err := s.AcceptText([]byte(c.before)); err != nil {
			t.Fatal(err)
		}
		if got := s.Forced(nil); string(got) != c.want {
			t.Errorf("%s after %.20q: %q is forced, want %q", c.source, c.before, got, c.want)
		}
	}
}

// Depth and ways to read are bounded: what goes beyond is not allowed.
func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	g, err := Parse(`root ::= "(" root ")" | "x"`)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVocabulary([][]byte{nil, []byte("("), []byte("(("), []byte("((((((((("), []byte("x"), []byte(")")}, []int32{0})
	s := v.Compile(g).Start()
	mask := make([]uint64, 1)
	depth := 0
	for slices.Contains(checkMask(t, s, mask), 1) {
		if err := s.Accept(1); err != nil {
			t.Fatal(err)
		}
		depth++
	}
	if depth != MaxDepth { // "(" and the return behind it: a frame each, but for the first
		t.Errorf("the depth went to %d, want %d", depth, MaxDepth)
	}
	if err := s.AcceptText([]byte("x" + strings.Repeat(")", depth))); err != nil || !s.Done() {
		t.Errorf("from the bound no way back: %v", err)
	}
}

func TestWaysAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("root ::= r0")
	for i := 1; i < 2*MaxStacks; i++ {
		fmt.Fprintf(&b, " | r%d", i)
	}
	for i := range 2 * MaxStacks {
		fmt.Fprintf(&b, "\nr%d ::= \"a\"+ \"b\"+ \"%d.\"{9}", i, i)
	}
	g, err := Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	s := bytesVocabulary().Compile(g).Start()
	if err := s.AcceptText([]byte("aaab")); err != nil {
		t.Fatal(err)
	}
	if n := len(s.stacks); n != MaxStacks {
		t.Errorf("%d ways, want %d", n, MaxStacks)
	}
	checkMask(t, s, make([]uint64, 5))
}

// Long texts need no more memory than their depth.
func TestFramesAreCollected(t *testing.T) {
	t.Parallel()
	g, err := Parse("root ::= item*\nitem ::= \"(\" [a-z]{1,9999} item? \")\"")
	if err != nil {
		t.Fatal(err)
	}
	s := bytesVocabulary().Compile(g).Start()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		depth := 1 + r.IntN(40)
		if err := s.AcceptText([]byte(strings.Repeat("(ab", depth) + strings.Repeat(")", depth))); err != nil || !s.Done() {
			t.Fatal(err)
		}
	}
	if len(s.frames) > manyFrames+100 {
		t.Errorf("%d frames are kept", len(s.frames))
	}
}
