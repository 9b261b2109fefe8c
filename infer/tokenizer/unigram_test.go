package tokenizer

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// letters3 is a Unigram vocabulary.
func letters3() meta {
	return meta{
		keyModel:       "t5",
		keyTokens:      []string{"<pad>", "</s>", "<unk>", "▁a", "b", "ab", "▁"},
		keyScores:      []float32{0, 0, 0, -2, -3, -1, -4},
		keyTypes:       []int32{3, 3, 2, 1, 1, 1, 1},
		keySpacePrefix: true,
		keySqueeze:     true,
	}
}

func TestUnigram(t *testing.T) {
	t.Parallel()
	tok := letters3().load(t)
	tests := []struct {
		name, text string
		special    bool
		want       []int32
	}{
		{"nothing", "", false, nil},
		{"spaces only", "   ", false, nil},
		{"the best sum", "ab", false, []int32{6, 5}}, // of two equal ones that with the longer last token
		{"a run of unknown runes is one token", "bxyzb", false, []int32{6, 4, 2, 4}},
		{"spaces are squeezed", "  b   b ", false, []int32{6, 4, 6, 4}},
		{"text does not name control tokens", "</s>", false, []int32{6, 2}},
		{"a prompt does", "b</s>b", true, []int32{6, 4, 1, 6, 4, 1}},
		{"broken UTF-8", "b\xffb", false, []int32{6, 4, 2, 4}},
	}
	for _, tt := range tests {
		if got := tok.Encode(tt.text, tt.special); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if got := tok.Decode([]int32{6, 4, 1, 6, 4}); got != "bb" {
		t.Errorf("decoded %q, want the spaces before the texts gone", got)
	}
}

// bestSum tries every way to write text in tokens.
func bestSum(u *unigram, text string) float64 {
	sums := make([]float64, len(text)+1)
	for i := len(text) - 1; i >= 0; i-- {
		sums[i] = math.Inf(-1)
		for id, token := range u.vocab.tokens {
			if u.isPlain(int32(id)) && token != "" && strings.HasPrefix(text[i:], token) {
				sums[i] = max(sums[i], u.score(int32(id))+sums[i+len(token)])
			}
		}
	}
	return sums[0]
}

func TestUnigramFindsTheBestSum(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		tokens, scores := []string{"a", "b", "é"}, []float32{-5, -5, -5}
		for range r.IntN(12) {
			var token strings.Builder
			for range 2 + r.IntN(3) {
				token.WriteString(tokens[r.IntN(3)])
			}
			if !slices.Contains(tokens, token.String()) {
				tokens, scores = append(tokens, token.String()), append(scores, -1-float32(r.IntN(90))/8)
			}
		}
		tok := meta{keyModel: "t5", keyTokens: tokens, keyScores: scores}.load(t)
		var text strings.Builder
		for range 1 + r.IntN(20) {
			text.WriteString(tokens[r.IntN(len(tokens))])
		}
		u := tok.family.(*unigram)
		ids, sum := tok.Encode(text.String(), false), 0.0
		for _, id := range ids {
			sum += u.score(id)
		}
		if want := bestSum(u, text.String()); math.Abs(sum-want) > 1e-9 || tok.Decode(ids) != text.String() {
			t.Fatalf("%q with %q: %q has %v, the best is %v", text.String(), tokens, piecesOf(tok, ids), sum, want)
		}
	}
}

func TestCharsmap(t *testing.T) {
	t.Parallel()
	var g golden
	readGolden(t, "unigram", &g)
	m := metaOf(t, g.Metadata)
	c, err := loadCharsmap(&reader{Metadata: m})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text, want string
		size       int
	}{
		{"ﬁx", "fi", 3}, {"①", "1", 3}, {"e\u0301", "é", 3}, {"x", "", 0}, {"", "", 0}, {"\x00", "", 0}, {"\ufeff", "", 3}, {"ｶﾞ", "ガ", 6}, {"ｶx", "カ", 3},
	}
	for _, tt := range tests {
		if got, size := c.longest(tt.text); got != tt.want || size != tt.size {
			t.Errorf("longest(%q) = %q, %d; want %q, %d", tt.text, got, size, tt.want, tt.size)
		}
	}
}

// units is a trie that knows nothing, with a few units changed.
func units(changes map[int]uint32, replacements string) []byte {
	blob := binary.LittleEndian.AppendUint32(nil, unitBlock*unitBytes)
	for i := range unitBlock {
		blob = binary.LittleEndian.AppendUint32(blob, changes[i])
	}
	return append(blob, replacements...)
}

func TestCharsmapRejects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		blob []byte
		want string
	}{
		{"no size", []byte{1, 2, 3}, "3 bytes"},
		{"a trie beyond the end", []byte{0, 4, 0, 0, 1}, "1024 bytes, but only 1"},
		{"half a block", append([]byte{4, 0, 0, 0}, make([]byte, 9)...), "not blocks"},
		{"no trie", []byte{0, 0, 0, 0, 0}, "not blocks"},
		{"a child beyond the end", units(map[int]uint32{3: 256 << 10}, "x\x00"), "unit 3 of the trie leads to unit 259 of 256"},
		{"a leaf without a value", units(map[int]uint32{3: 1 << 8}, "x\x00"), "unit 3 of the trie has its value"},
		{"a value beyond the end", units(map[int]uint32{3: 1<<31 | 2}, "x\x00"), "unit 3 of the trie: replacement at byte 2 of 2"},
		{"a replacement without an end", units(map[int]uint32{3: 1 << 31}, "xyz"), "does not end"},
		{"a long replacement", units(map[int]uint32{3: 1 << 31}, strings.Repeat("x", 300)+"\x00"), "does not end within 256"},
	}
	for _, tt := range tests {
		_, err := parseCharsmap(tt.blob)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v does not say %q", tt.name, err, tt.want)
		}
	}
	if _, err := parseCharsmap(units(nil, "x\x00")); err != nil {
		t.Errorf("an empty trie: %v", err)
	}
}

// A trie from a hostile file can lead in a circle.
func TestCharsmapStopsInACircle(t *testing.T) {
	t.Parallel()
	// From unit 0 the byte 1 leads to unit 1, and from there to unit 1 again.
	c, err := parseCharsmap(units(map[int]uint32{0: 0, 1: 1 | 1<<10}, "x\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if _, size := c.longest(strings.Repeat("\x01", 1<<20)); size != 0 {
		t.Errorf("found a prefix of %d bytes", size)
	}
}
