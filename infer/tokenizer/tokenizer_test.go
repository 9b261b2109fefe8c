package tokenizer

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestEncodeByteLevel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		text    string
		special bool
		want    []int32
	}{
		{"nothing", "", false, nil},
		{"merges by rank", "hello", false, []int32{idHello}},
		{"a partial merge", "shell", false, []int32{'s', idHell}},
		{"pieces do not merge", "hello world", false, []int32{idHello, idSpaceW, 'o', 'r', 'l', 'd'}},
		{"user-defined first", "a    b", false, []int32{'a', idFourSpaces, 'b'}},
		{"control token as text", "<|end|>", false, []int32{'<', '|', 'e', 'n', 'd', '|', '>'}},
		{"control token", "<|user|>hello<|end|>", true, []int32{idUser, idHello, idEnd}},
		{"the longest control token", "<|endoftext|>", true, []int32{idEndOfText}},
		{"unknown token by name", "<unk>", true, []int32{idUnknown}},
		{"runes as bytes", "é", false, []int32{0xc3, 0xa9}},
		{"broken UTF-8", "\xff\xc3", false, []int32{0xff, 0xc3}},
	}
	tok := small().load(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tok.Encode(tt.text, tt.special); !slices.Equal(got, tt.want) {
				t.Fatalf("Encode(%q, %v) = %v, want %v", tt.text, tt.special, got, tt.want)
			}
		})
	}
}

func TestEncodeAddsWhatTheMetadataSays(t *testing.T) {
	t.Parallel()
	tok := small().with(meta{keyAddBOS: true, keyAddEOS: true}).load(t)
	if got, want := tok.Encode("he", true), []int32{idEndOfText, idHe, idEnd}; !slices.Equal(got, want) {
		t.Errorf("with special tokens: %v, want %v", got, want)
	}
	if got, want := tok.Encode("he", false), []int32{idHe}; !slices.Equal(got, want) {
		t.Errorf("without: %v, want %v", got, want)
	}
	if got, want := tok.EncodePrompt("he", ""), []int32{idEndOfText, idHe}; !slices.Equal(got, want) {
		t.Errorf("prompt: %v, want %v", got, want)
	}
	if got, want := tok.EncodePrompt("<|endoftext|>he", ""), []int32{idEndOfText, idHe}; !slices.Equal(got, want) {
		t.Errorf("prompt with its own BOS: %v, want %v", got, want)
	}
}

func TestWholePieces(t *testing.T) {
	t.Parallel()
	// Without the last merges "hello" cannot be built, but it is a token.
	m := small().with(meta{keyMerges: []string{"h e"}})
	if got, want := m.load(t).Encode("hello", false), []int32{idHe, 'l', 'l', 'o'}; !slices.Equal(got, want) {
		t.Errorf("gpt-2: %v, want %v", got, want)
	}
	if got, want := m.with(meta{keyPre: "llama-bpe"}).load(t).Encode("hello", false), []int32{idHello}; !slices.Equal(got, want) {
		t.Errorf("llama-bpe: %v, want %v", got, want)
	}
}

func TestByteLevelSpacePrefix(t *testing.T) {
	t.Parallel()
	tok := small().with(meta{keySpacePrefix: true}).load(t)
	for text, want := range map[string][]int32{"w": {idSpaceW}, " w": {idSpaceW}, "  w": {' ', idSpaceW}, "": nil, "w    w": {idSpaceW, idFourSpaces, idSpaceW}} {
		if got := tok.Encode(text, false); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestMergesThroughTextsThatAreNoTokens(t *testing.T) {
	t.Parallel()
	tok := small().with(meta{keyMerges: []string{"x y", "h e"}}).load(t)
	if got, want := tok.Encode("xyhe", false), []int32{'x', 'y', idHe}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func TestDuplicateTokensTheFirstCounts(t *testing.T) {
	t.Parallel()
	m := small()
	tokens := slices.Clone(m[keyTokens].([]string))
	tokens[idHello] = "he"
	if got := m.with(meta{keyTokens: tokens}).load(t).Encode("he", false); !slices.Equal(got, []int32{idHe}) {
		t.Fatalf("%v, want %v", got, idHe)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	tests := []struct {
		name string
		ids  []int32
		want string
	}{
		{"text", []int32{idHello, idSpaceW}, "hello w"},
		{"control tokens have no text", []int32{idUser, idHe, idEnd}, "he"},
		{"user-defined tokens have theirs", []int32{idFourSpaces, idMarker}, "    <|tool|>"},
		{"ids outside the vocabulary", []int32{-1, smallSize, 1 << 30, 'a'}, "a"},
		{"half a rune", []int32{0xc3}, "\xc3"},
	}
	for _, tt := range tests {
		if got := tok.Decode(tt.ids); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSpecialIDs(t *testing.T) {
	t.Parallel()
	tok := small().load(t)
	if id, ok := tok.BOS(); !ok || id != idEndOfText {
		t.Errorf("BOS is %d, %v", id, ok)
	}
	if id, ok := tok.EOS(); !ok || id != idEnd {
		t.Errorf("EOS is %d, %v", id, ok)
	}
	if got, want := tok.Stops(), []int32{idEnd, idEndOfText}; !slices.Equal(got, want) {
		t.Errorf("stops are %v, want %v", got, want)
	}
	if id, ok := tok.ID("<|user|>"); !ok || id != idUser {
		t.Errorf("ID(<|user|>) = %d, %v", id, ok)
	}
	if _, ok := tok.ID("<|nobody|>"); ok {
		t.Error("found a token that does not exist")
	}
	if tok.Size() != int(smallSize) || tok.Piece(idHe) != "he" || tok.Piece(-1) != "" {
		t.Error("size or pieces are wrong")
	}
	if _, ok := small().without(keyBOS).load(t).BOS(); ok {
		t.Error("BOS without one in the metadata")
	}
}

func TestLoadRejects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		meta meta
		want []string // in the error
	}{
		{"no model", small().without(keyModel), []string{keyModel}},
		{"an unknown model", small().with(meta{keyModel: "rwkv"}), []string{"test.gguf", `"rwkv"`, "bert, gemma4, gpt2, llama, t5"}},
		{"an unknown pre-tokenizer", small().with(meta{keyPre: "klingon"}), []string{"test.gguf", keyPre, `"klingon"`, "qwen2"}},
		{"no tokens", small().with(meta{keyTokens: []string{}}), []string{"test.gguf", keyTokens, "0 tokens"}},
		{"fewer types than tokens", small().with(meta{keyTypes: []int32{1}}), []string{keyTypes, "1 entries"}},
		{"a type that does not exist", small().with(meta{keyTypes: slices.Repeat([]int32{7}, int(smallSize))}), []string{keyTypes + "[0]", "7"}},
		{"more tokens than declared", small().with(meta{"llama.vocab_size": uint64(10)}), []string{"llama.vocab_size is 10"}},
		{"an id outside the vocabulary", small().with(meta{keyEOS: uint64(smallSize)}), []string{keyEOS, "267"}},
		{"a huge id", small().with(meta{keyEOT: uint64(1 << 40)}), []string{keyEOT}},
		{"an id of the wrong type", small().with(meta{keyBOS: "x"}), []string{keyBOS}},
		{"a flag of the wrong type", small().with(meta{keyAddBOS: "x"}), []string{keyAddBOS}},
		{"no merges", small().without(keyMerges), []string{keyMerges}},
		{"a merge of one part", small().with(meta{keyMerges: []string{"h e", "hello"}}), []string{keyMerges + "[1]", `"hello"`}},
		{"an empty merge", small().with(meta{keyMerges: []string{""}}), []string{keyMerges + "[0]"}},
		{"too much text in control tokens", meta{keyModel: "gpt2", keyMerges: []string{}, keyTokens: []string{strings.Repeat("x", maxSpecials+1)}, keyTypes: []int32{3}}, []string{"test.gguf", keyTypes, "bytes"}},
		{"scores of another length", pieces2().with(meta{keyScores: []float32{1}}), []string{keyScores, "1 entries"}},
		{"a score that is no number", pieces2().with(meta{keyScores: nan(int(piecesSize))}), []string{keyScores, "not a finite number"}},
		{"more merges than the tokens have", small().with(meta{keyMerges: slices.Repeat([]string{"h e"}, 2000)}), []string{"test.gguf", keyMerges, "2000 merges", keyTokens}},
		{"an infinite score", letters3().with(meta{keyScores: []float32{0, 0, 0, 0, 0, 0, float32(math.Inf(1))}}), []string{keyScores + "[6]", "+Inf", "finite"}},
		{"a normalizer that is cut off", letters3().with(meta{keyCharsmap: []int32{1}}), []string{"test.gguf", keyCharsmap, "1 bytes"}},
		{"a normalizer of numbers", letters3().with(meta{keyCharsmap: []int32{1, 256}}), []string{keyCharsmap + "[1]", "256"}},
		{"a normalizer of text", letters3().with(meta{keyCharsmap: "x"}), []string{keyCharsmap}},
		{"too much text in tokens", letters3().with(meta{keyTokens: []string{"a", "b", "c", "d", "e", "f", strings.Repeat("x", maxTrie+1)}}), []string{"test.gguf", keyTokens, "bytes"}},
		{"a byte token of another form", pieces2().with(meta{keyTypes: slices.Repeat([]int32{6}, int(piecesSize))}), []string{"<0xHH>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(tt.meta)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
