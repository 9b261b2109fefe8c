//go:build e2e

package tokenizer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// data returns the folder of third-party test data; without it there is
// nothing to test.
func data(t *testing.T) string {
	dir := os.Getenv("CUSP_DATA")
	if dir == "" {
		t.Fatal("CUSP_DATA must name the folder with the third-party test data")
	}
	return dir
}

// TestLlamaCppVocabularies encodes the texts that llama.cpp tests its own
// tokenizers with and compares every id.
func TestLlamaCppVocabularies(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(data(t), "tokenizers", "llama.cpp", "*.gguf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vocabularies (error %v)", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := gguf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			tok, err := tokenizer.Load(f)
			if err != nil {
				t.Fatal(err)
			}
			texts := inputs(t, path)
			wants := strings.Split(strings.TrimSuffix(read(t, path+".out"), "\n"), "\n")
			if len(texts) != len(wants) {
				t.Fatalf("%d texts, %d lines of ids", len(texts), len(wants))
			}
			right := 0
			for i, text := range texts {
				got, want := tok.Encode(text, false), parseIDs(t, wants[i])
				if !slices.Equal(got, want) {
					t.Errorf("%q:\n got %v\nwant %v", text, got, want)
					continue
				}
				right++
			}
			t.Logf("%d of %d", right, len(texts))
		})
	}
}

// TestRoundTripOfRealVocabularies decodes what the byte-level and SentencePiece
// vocabularies encoded.
func TestRoundTripOfRealVocabularies(t *testing.T) {
	dir := filepath.Join(data(t), "tokenizers", "llama.cpp")
	for _, name := range []string{"gpt-2", "deepseek-coder", "starcoder", "llama-spm"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "ggml-vocab-"+name+".gguf")
			f, err := gguf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			tok, err := tokenizer.Load(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range inputs(t, path) {
				if got := tok.Decode(tok.Encode(text, false)); got != text {
					t.Errorf("%q became %q", text, got)
				}
			}
		})
	}
}

// inputs returns the texts beside a vocabulary; a separator line ends each.
func inputs(t *testing.T, path string) []string {
	const separator = "\n__ggml_vocab_test__\n"
	return strings.Split(strings.TrimSuffix(read(t, path+".inp"), separator), separator)
}

func read(t *testing.T, path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func parseIDs(t *testing.T, line string) []int32 {
	var ids []int32
	for _, field := range strings.Fields(line) {
		var id int32
		if _, err := fmt.Sscan(field, &id); err != nil {
			t.Fatalf("id %q: %v", field, err)
		}
		ids = append(ids, id)
	}
	return ids
}
