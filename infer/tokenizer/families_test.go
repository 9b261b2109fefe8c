package tokenizer

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Ids of the small SentencePiece vocabulary.
const (
	pieceUnknown int32 = iota
	pieceBOS
	pieceEOS
	pieceA
	pieceB
	pieceBlank
	pieceAB
	pieceBlankAB
	pieceBlankA
	pieceEuro1 // the three bytes of the euro sign
	pieceEuro2
	pieceEuro3
	pieceNote // a user-defined token
	piecesSize
)

// pieces2 is a SentencePiece vocabulary.
func pieces2() meta {
	return meta{
		keyModel:  "llama",
		keyTokens: []string{"<unk>", "<s>", "</s>", "a", "b", "▁", "ab", "▁ab", "▁a", "<0xE2>", "<0x82>", "<0xAC>", "<note>"},
		keyScores: []float32{0, 0, 0, -10, -11, -12, -3, -2, -1, 0, 0, 0, 0},
		keyTypes:  []int32{2, 3, 3, 1, 1, 1, 1, 1, 1, 6, 6, 6, 4},
	}
}

func nan(n int) []float32 { return slices.Repeat([]float32{float32(math.NaN())}, n) }

func TestSentencePiece(t *testing.T) {
	t.Parallel()
	tok := pieces2().load(t)
	tests := []struct {
		text    string
		special bool
		want    []int32
	}{
		{"", false, nil},
		{"ab", false, []int32{pieceBlankAB}}, // by way of "▁a", which has the best score
		{"ab", true, []int32{pieceBOS, pieceBlankAB}},
		{"bab", false, []int32{pieceBlank, pieceB, pieceAB}},
		{"€", false, []int32{pieceBlank, pieceEuro1, pieceEuro2, pieceEuro3}},
		{"z", false, []int32{pieceBlank, pieceUnknown}},
		{"zé\xffb", false, []int32{pieceBlank, pieceUnknown, pieceB}},
		{"<0xE2>", false, []int32{pieceBlank, pieceUnknown}},
		{"</s>", false, []int32{pieceBlank, pieceUnknown}},
		{"<note>a", false, []int32{pieceNote, pieceBlankA}},
		{"</s>", true, []int32{pieceBOS, pieceEOS}},
	}
	for _, tt := range tests {
		if got := tok.Encode(tt.text, tt.special); !slices.Equal(got, tt.want) {
			t.Errorf("Encode(%q, %v) = %v, want %v", tt.text, tt.special, got, tt.want)
		}
	}
	if got := tok.Decode(tok.Encode("ab a €", false)); got != "ab a €" {
		t.Errorf("round trip gave %q", got)
	}
	if got := tok.Decode(tok.Encode("a<note>b a<note> a", false)); got != "a<note>b a<note> a" {
		t.Errorf("round trip with a user-defined token gave %q", got)
	}
	squeezed := pieces2().with(meta{keySqueeze: true}).load(t)
	if got, want := squeezed.Encode("  a   b ", false), []int32{pieceBlankA, pieceBlank, pieceB}; !slices.Equal(got, want) {
		t.Errorf("with squeezed spaces: %v, want %v", got, want)
	}
	plain := pieces2().with(meta{keySpacePrefix: false}).load(t)
	if got, want := plain.Encode("ab", false), []int32{pieceAB}; !slices.Equal(got, want) {
		t.Errorf("without the space in front: %v, want %v", got, want)
	}
	if got := plain.Decode([]int32{pieceBlankA}); got != " a" {
		t.Errorf("without the space in front, decoding lost a space: %q", got)
	}
}

func TestDescendingReversesTheOrderOfFloats(t *testing.T) {
	t.Parallel()
	order := []float32{float32(math.Inf(1)), 3, 1, math.SmallestNonzeroFloat32, 0, -math.SmallestNonzeroFloat32, -1, -3, float32(math.Inf(-1))}
	for i := 1; i < len(order); i++ {
		if descending(order[i-1]) >= descending(order[i]) {
			t.Errorf("%v does not come before %v", order[i-1], order[i])
		}
	}
	if descending(float32(math.Copysign(0, -1))) != descending(0) {
		t.Error("the two zeros differ")
	}
}

// words is a WordPiece vocabulary.
func words() meta {
	return meta{
		keyModel:     "bert",
		keyTokens:    []string{"[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁hello", "▁,", "▁中", "▁a"},
		keyTypes:     []int32{3, 3, 3, 1, 1, 1, 1, 1, 1, 1},
		keyUnknown:   uint64(0),
		keyCLS:       uint64(1),
		keySeparator: uint64(2),
	}
}

func TestWordPiece(t *testing.T) {
	t.Parallel()
	tok := words().load(t)
	tests := []struct {
		name, text string
		special    bool
		want       []int32
	}{
		{"nothing", "", false, nil},
		{"the longest token from the left", "unaffable", false, []int32{3, 4, 5}},
		{"lower case, no accents", "UNÁffable", false, []int32{3, 4, 5}},
		{"a word with an unknown end", "unxyz hello", false, []int32{0, 6}},
		{"a word does not begin with its own mark", "xhello", false, []int32{0}},
		{"punctuation and Chinese stand alone", "hello,中hello", false, []int32{6, 7, 8, 6}},
		{"control characters vanish", "hel\u0000l\u200d\v\u0085o", false, []int32{6}},
		{"other white space ends a word", "hello\u2028hello\u3000hello", false, []int32{6, 6, 6}},
		{"with the tokens around", "hello", true, []int32{1, 6, 2}},
		{"text does not name control tokens", "[CLS]", false, []int32{0, 0, 0}},
		{"a word of 100 runes", strings.Repeat("a", 100), false, []int32{0}},
		{"broken UTF-8", "hel\xfflo", false, []int32{6}},
	}
	for _, tt := range tests {
		if got := tok.Encode(tt.text, tt.special); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if got := tok.Decode([]int32{1, 6, 7, 3, 4, 2}); got != "hello, unaff" {
		t.Errorf("decoded %q", got)
	}
}

func TestWordPieceWordsEndAt100Runes(t *testing.T) {
	t.Parallel()
	m := words()
	m[keyTokens] = append(slices.Clone(m[keyTokens].([]string)), "a")
	m[keyTypes] = append(slices.Clone(m[keyTypes].([]int32)), 1)
	tok := m.load(t)
	if got := tok.Encode(strings.Repeat("a", 100), false); len(got) != 100 {
		t.Errorf("100 letters became %v", got)
	}
	if got := tok.Encode(strings.Repeat("a", 101), false); !slices.Equal(got, []int32{0}) {
		t.Errorf("101 letters became %v", got)
	}
}

func TestWordPieceKeepsCaseAndAccentsWhereTheFileSaysSo(t *testing.T) {
	t.Parallel()
	m := words().with(meta{keyTokens: []string{"[UNK]", "[CLS]", "[SEP]", "▁É", "▁é", "▁E", "▁e", "▁i\u0307", "▁i", "▁İ"}})
	for _, tt := range []struct {
		lower, strip any
		want         []int32 // of É İ
	}{
		{nil, nil, []int32{6, 8}}, {true, false, []int32{4, 7}}, {false, nil, []int32{3, 9}}, {false, true, []int32{5, 0}},
	} {
		m := maps.Clone(m)
		if tt.lower != nil {
			m[keyLowercase] = tt.lower
		}
		if tt.strip != nil {
			m[keyStripAccents] = tt.strip
		}
		if got := m.load(t).Encode("É İ", false); !slices.Equal(got, tt.want) {
			t.Errorf("lower case %v, without accents %v: %v, want %v", tt.lower, tt.strip, got, tt.want)
		}
	}
}

// Words are merged one by one only where no token reaches across them.
func TestSentencePieceEqualsNaiveMerging(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	apart := 0
	for range 400 {
		tokens, scores := []string{"a", "b", blank}, []float32{0, 0, 0}
		for range 1 + r.IntN(10) {
			token := tokens[r.IntN(len(tokens))] + tokens[r.IntN(len(tokens))]
			if !slices.Contains(tokens, token) {
				tokens, scores = append(tokens, token), append(scores, -float32(r.IntN(6)))
			}
		}
		tok := meta{keyModel: "llama", keyTokens: tokens, keyScores: scores, keySpacePrefix: false}.load(t)
		if tok.family.(*sentencePiece).index().apart {
			apart++
		}
		for range 5 {
			var text strings.Builder
			for range 1 + r.IntN(20) {
				text.WriteString([]string{"a", "b", " "}[r.IntN(3)])
			}
			got := piecesOf(tok, tok.Encode(text.String(), false))
			want := naive(strings.ReplaceAll(text.String(), " ", blank), func(left, right string) (int32, bool) {
				id := slices.Index(tokens, left+right)
				if id < 0 {
					return 0, false
				}
				return descending(scores[id]), true
			})
			if !slices.Equal(got, want) {
				t.Fatalf("%q with %q and %v:\n got %q\nwant %q", text.String(), tokens, scores, got, want)
			}
		}
	}
	if apart < 20 || apart > 380 {
		t.Errorf("of 400 vocabularies %d were apart", apart)
	}
}
