package modeltest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Encoder makes a folder with a tiny random BERT whose words are letters; weights
// is the directory that has its config.json and model.safetensors.
func Encoder(t testing.TB, weights, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "model.safetensors"} {
		data, err := os.ReadFile(filepath.Join(weights, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	special, vocab := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, map[string]int{}
	var added []any
	for i, s := range special {
		vocab[s] = i
		added = append(added, map[string]any{"id": i, "content": s, "special": true})
	}
	for c := 'a'; c <= 'z'; c++ {
		vocab[string(c)], vocab["##"+string(c)] = len(vocab), len(vocab)+1
	}
	for len(vocab) < 96 {
		vocab[fmt.Sprintf("[unused%d]", len(vocab))] = len(vocab)
	}
	tokenizer, err := json.Marshal(map[string]any{
		"added_tokens": added, "normalizer": map[string]any{"type": "BertNormalizer", "lowercase": true, "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil},
		"pre_tokenizer":  map[string]any{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{"type": "BertProcessing", "sep": []any{"[SEP]", 3}, "cls": []any{"[CLS]", 2}},
		"model":          map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "tokenizer.json"), tokenizer, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
