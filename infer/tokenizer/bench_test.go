//go:build e2e

package tokenizer_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/tokenizer"
)

// BenchmarkEncode measures English prose, with a vocabulary of 128k tokens and
// the pre-tokenizer of Llama 3: GPT-2's with tokens of two words after it,
// or, for comparison, that of the file named by CUSP_VOCABULARY.
//
//	CUSP_DATA=../shared/data go test -tags e2e -run '^$' -bench Encode ./infer/tokenizer
func BenchmarkEncode(b *testing.B) {
	dir := os.Getenv("CUSP_DATA")
	text, err := os.ReadFile(filepath.Join(dir, "corpora", "botchan_en.txt"))
	if err != nil {
		b.Fatal(err)
	}
	gpt2 := filepath.Join(dir, "tokenizers", "llama.cpp", "ggml-vocab-gpt-2.gguf")
	f, err := gguf.Open(cmp.Or(os.Getenv("CUSP_VOCABULARY"), gpt2))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var m tokenizer.Metadata = f
	if os.Getenv("CUSP_VOCABULARY") == "" {
		m = widen(b, f, 128_000)
	}
	tok, err := tokenizer.Load(m)
	if err != nil {
		b.Fatal(err)
	}
	s := string(text)
	n := len(tok.Encode(s, false)) // builds the tables
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		tok.Encode(s, false)
	}
	b.ReportMetric(float64(len(s))/float64(n), "bytes/token")
}

// wide is a vocabulary with more tokens and merges than its file.
type wide struct {
	tokenizer.Metadata
	tokens, merges []string
}

func (w wide) Has(key string) bool {
	return key != "tokenizer.ggml.token_type" && w.Metadata.Has(key)
}

func (w wide) String(key string) (string, error) {
	if key == "tokenizer.ggml.pre" {
		return "llama-bpe", nil
	}
	return w.Metadata.String(key)
}

func (w wide) Strings(key string) ([]string, error) {
	switch key {
	case "tokenizer.ggml.tokens":
		return w.tokens, nil
	case "tokenizer.ggml.merges":
		return w.merges, nil
	}
	return w.Metadata.Strings(key)
}

// widen fills a vocabulary up to size with pairs of its own tokens.
func widen(b *testing.B, m tokenizer.Metadata, size int) tokenizer.Metadata {
	tokens, err := m.Strings("tokenizer.ggml.tokens")
	if err != nil {
		b.Fatal(err)
	}
	merges, err := m.Strings("tokenizer.ggml.merges")
	if err != nil {
		b.Fatal(err)
	}
	known := make(map[string]bool, size)
	for _, token := range tokens {
		known[token] = true
	}
	for i, n := 0, len(tokens); len(tokens) < size; i++ {
		left, right := tokens[300+i*7919%(n-300)], tokens[300+(i*104729+i/(n-300))%(n-300)]
		if joined := left + right; !known[joined] {
			known[joined] = true
			tokens = append(tokens, joined)
			merges = append(merges, fmt.Sprint(left, " ", right))
		}
	}
	return wide{m, tokens, merges}
}
