package vocab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/a472be26/cusp/infer/tokenizer"
)

// Options shape a vocabulary.
type Options struct {
	Size       int      // tokens in all
	SpaceWords int      // how many whole words also get a token with a space in front, at most
	Copied     []string // values that answers copy; a word that often begins one gets no token with a space
	Defined    []string // pieces that are always one token
	MinCount   int      // words seen less often teach nothing; keeps made-up names out
}

// Train learns a vocabulary from texts.
func Train(texts []string, o Options) (*Vocab, error) {
	// 1. The fixed part: control tokens, defined pieces, bytes.
	v := &Vocab{Pre: Pre}
	for _, c := range controls {
		v.add(c, typeControl)
	}
	for _, d := range o.Defined {
		v.add(d, typeDefined)
	}
	for b := range 256 {
		v.add(string(tokenizer.ByteRune(byte(b))), typeNormal)
	}
	merges := o.Size - len(v.Tokens) - o.SpaceWords
	if merges < 0 {
		return nil, fmt.Errorf("vocabulary of %d tokens is too small: %d are fixed and %d are words after a space",
			o.Size, len(v.Tokens), o.SpaceWords)
	}
	// 2. The words with their counts.
	words, spaced, err := count(texts, o.Defined)
	if err != nil {
		return nil, err
	}
	// 3. Merge the most frequent pair, again and again.
	l := newLearner(words, max(o.MinCount, 1))
	for range merges {
		if !l.step(v) {
			break
		}
	}
	// 4. Whole words after a space.
	l.spaceWords(v, stay(spaced, o.Copied), o.SpaceWords)
	return v, nil
}

func (v *Vocab) add(token string, kind int32) {
	v.Tokens = append(v.Tokens, token)
	v.Types = append(v.Types, kind)
}

// count cuts texts at the defined pieces and by the pre-tokenizer, and counts
// units: words without their space, single Chinese characters. spaced counts
// the words that had a space.
func count(texts, defined []string) (words, spaced map[string]int, err error) {
	split, err := tokenizer.SplitterFor(Pre)
	if err != nil {
		return nil, nil, err
	}
	longest := slices.SortedFunc(slices.Values(defined), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, d := range longest {
		pairs = append(pairs, d, "\x00")
	}
	cut := strings.NewReplacer(pairs...)
	words, spaced = map[string]int{}, map[string]int{}
	for _, text := range texts {
		for part := range strings.SplitSeq(cut.Replace(text), "\x00") {
			split(part, func(piece string) {
				bare := strings.TrimPrefix(piece, " ")
				for _, unit := range units(bare) {
					words[unit]++
				}
				if bare != piece && bare != "" {
					spaced[bare]++
				}
			})
		}
	}
	return words, spaced, nil
}

// maxFirst is the share of its occurrences in which a word may begin a copied
// value and still get a token with a space in front.
const maxFirst = 0.03

// stay leaves out the words that often begin a copied value: they keep one
// token, with or without a space, so that copying one is copying any.
func stay(spaced map[string]int, copied []string) map[string]int {
	first := map[string]int{}
	for _, c := range copied {
		word, _, _ := strings.Cut(c, " ")
		first[word]++
	}
	out := map[string]int{}
	for w, n := range spaced {
		if float64(first[w]) <= maxFirst*float64(n) {
			out[w] = n
		}
	}
	return out
}

// units cuts every Chinese character off.
func units(word string) []string {
	if !strings.ContainsFunc(word, isHan) {
		return []string{word}
	}
	var out []string
	rest := strings.Builder{}
	flush := func() {
		if rest.Len() > 0 {
			out = append(out, rest.String())
			rest.Reset()
		}
	}
	for _, r := range word {
		if isHan(r) {
			flush()
			out = append(out, string(r))
			continue
		}
		rest.WriteRune(r)
	}
	flush()
	return out
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// pair is two neighbouring tokens.
type pair [2]string

// learner holds the words as they are merged so far.
type learner struct {
	words  [][]string // each word as its tokens
	counts []int
	pairs  map[pair]int          // how often a pair stands in the words
	where  map[pair]map[int]bool // words that (may) have it
}

func newLearner(words map[string]int, least int) *learner {
	l := &learner{pairs: map[pair]int{}, where: map[pair]map[int]bool{}}
	for _, w := range slices.Sorted(maps.Keys(words)) {
		if words[w] < least {
			continue
		}
		l.words = append(l.words, strings.Split(tokenizer.BytesToRunes(w), ""))
		l.counts = append(l.counts, words[w])
		l.tally(len(l.words)-1, 1)
	}
	return l
}

// tally adds (or takes back) the pairs of word i.
func (l *learner) tally(i, sign int) {
	w := l.words[i]
	for k := range len(w) - 1 {
		p := pair{w[k], w[k+1]}
		l.pairs[p] += sign * l.counts[i]
		if l.where[p] == nil {
			l.where[p] = map[int]bool{}
		}
		l.where[p][i] = true
	}
}

// step merges the most frequent pair; of equal ones the first in order. It
// reports false when every word is one token.
func (l *learner) step(v *Vocab) bool {
	var best pair
	most := 0
	for p, n := range l.pairs {
		if n > most || n == most && n > 0 && slices.Compare(p[:], best[:]) < 0 {
			best, most = p, n
		}
	}
	if most == 0 {
		return false
	}
	joined := best[0] + best[1]
	v.Merges = append(v.Merges, best[0]+" "+best[1])
	if !slices.Contains(v.Tokens, joined) {
		v.add(joined, typeNormal)
	}
	for i := range l.where[best] {
		l.tally(i, -1)
		l.words[i] = merge(l.words[i], best, joined)
		l.tally(i, 1)
	}
	delete(l.pairs, best)
	delete(l.where, best)
	return true
}

func merge(word []string, p pair, joined string) []string {
	out := word[:0]
	for i := 0; i < len(word); i++ {
		if i+1 < len(word) && word[i] == p[0] && word[i+1] == p[1] {
			out = append(out, joined)
			i++
			continue
		}
		out = append(out, word[i])
	}
	return out
}

// spaceWords gives the n most frequent words that are one token already a
// second token with a space in front. These merges come last, so they never
// change how the inside of a word is cut.
func (l *learner) spaceWords(v *Vocab, spaced map[string]int, n int) {
	space := string(tokenizer.ByteRune(' '))
	known := map[string]bool{}
	for _, t := range v.Tokens {
		known[t] = true
	}
	byCount := slices.SortedFunc(maps.Keys(spaced), func(a, b string) int {
		return cmp.Or(cmp.Compare(spaced[b], spaced[a]), cmp.Compare(a, b))
	})
	for _, w := range byCount {
		if n == 0 {
			return
		}
		token := tokenizer.BytesToRunes(w)
		if !known[token] {
			continue
		}
		v.Merges = append(v.Merges, space+" "+token)
		v.add(space+token, typeNormal)
		n--
	}
}
