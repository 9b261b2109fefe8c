package tokenizer

import (
	"slices"
	"testing"
)

// lines2 is a vocabulary of Gemma 4's kind.
func lines2() meta {
	return meta{
		keyModel:  "gemma4",
		keyTokens: []string{"<pad>", "<eos>", "<bos>", "<unk>", "▁", "a", "b", "▁a", "ab", "\n", "\n\n", "<0xC3>", "<0xA9>", "▁▁"},
		keyTypes:  []int32{3, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 6, 6, 1},
		keyMerges: []string{"▁ ▁", "▁ a", "a b", "x y"},
		keyBOS:    uint64(2), keyEOS: uint64(1), keyUnknown: uint64(3), keyAddBOS: false,
	}
}

func TestRuneBPE(t *testing.T) {
	t.Parallel()
	tok := lines2().load(t)
	tests := []struct {
		text    string
		special bool
		want    []int32
	}{
		{"", false, nil},
		{"ab", false, []int32{8}},
		{" ab", false, []int32{7, 6}},
		{"  a", false, []int32{13, 5}},
		{"a\n\nb\n", false, []int32{5, 10, 6, 9}},
		{"\n\n\n", false, []int32{9, 9, 9}},
		{"é", false, []int32{11, 12}},
		{"xy", false, []int32{3}}, // merged, but no token
		{"<0xC3>", false, []int32{3}},
		{"a<eos>", true, []int32{2, 5, 1}},
	}
	for _, tt := range tests {
		if got := tok.Encode(tt.text, tt.special); !slices.Equal(got, tt.want) {
			t.Errorf("Encode(%q, %v) = %v, want %v", tt.text, tt.special, got, tt.want)
		}
	}
	if got := tok.Decode([]int32{2, 13, 5, 10, 11, 12}); got != "  a\n\né" {
		t.Errorf("decoded %q", got)
	}
	if got := lines2().with(meta{keyModel: "gpt2", keyPre: "gemma4"}).load(t).Encode(" ab", false); !slices.Equal(got, []int32{7, 6}) {
		t.Errorf("by the name of its pre-tokenizer: %v", got)
	}
}
