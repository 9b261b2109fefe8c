//go:build e2e

package tokenizer_test

import (
	"encoding/json"
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
			tok := open(t, path)
			texts := inputs(t, path)
			if len(texts) != 46 {
				t.Fatalf("%d texts, not 46", len(texts))
			}
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

// TestRobertaVocabulary encodes with GPT-2's vocabulary: RoBERTa has the same
// tokens by other numbers, so that each of its ids must stand for one of ours,
// and only for that one.
func TestRobertaVocabulary(t *testing.T) {
	dir := filepath.Join(data(t), "tokenizers", "llama.cpp")
	path := filepath.Join(dir, "ggml-vocab-roberta-bpe.gguf")
	tok := open(t, filepath.Join(dir, "ggml-vocab-gpt-2.gguf"))
	texts := inputs(t, path)
	wants := strings.Split(strings.TrimSuffix(read(t, path+".out"), "\n"), "\n")
	ours, theirs := map[int32]int32{}, map[int32]int32{}
	for i, text := range texts {
		got, want := tok.Encode(text, false), parseIDs(t, wants[i])
		// Theirs stand between <s> and </s>.
		if len(want) > 1 && want[0] == 0 && want[len(want)-1] == 2 {
			want = want[1 : len(want)-1]
		}
		if len(got) != len(want) {
			t.Errorf("%q: %d ids, want %d", text, len(got), len(want))
			continue
		}
		for k, id := range got {
			if other, ok := theirs[id]; ok && other != want[k] {
				t.Errorf("%q: id %d is both %d and %d", text, id, other, want[k])
			}
			if other, ok := ours[want[k]]; ok && other != id {
				t.Errorf("%q: id %d stands for both %d and %d", text, want[k], other, id)
			}
			theirs[id], ours[want[k]] = want[k], id
		}
	}
	t.Logf("%d texts, %d different ids", len(texts), len(ours))
}

// TestUnigramGoldens encodes lines of a book with sentencepiece's own test model.
func TestUnigramGoldens(t *testing.T) {
	dir := filepath.Join(data(t), "tokenizers", "sentencepiece")
	m := readModel(t, filepath.Join(dir, "test_model.model"), "t5")
	m["tokenizer.ggml.unknown_token_id"] = uint64(0)
	m["tokenizer.ggml.eos_token_id"] = uint64(2)
	tok, err := tokenizer.Load(m)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(read(t, filepath.Join(dir, "unigram_en_goldens_DERIVED.jsonl"))) {
		var golden struct {
			Text string
			IDs  []int32
		}
		if err := json.Unmarshal([]byte(line), &golden); err != nil {
			t.Fatal(err)
		}
		n++
		if got := tok.Encode(golden.Text, false); !slices.Equal(got, golden.IDs) {
			t.Errorf("%q:\n got %v\nwant %v", golden.Text, got, golden.IDs)
		}
	}
	if n < 200 {
		t.Errorf("only %d texts", n)
	}
}

// TestMistralSamples encodes rendered conversations. In the texts U+2581 is a
// space, behind a control token the one that SentencePiece puts there, and a byte
// token is spelled out.
func TestMistralSamples(t *testing.T) {
	dir := filepath.Join(data(t), "tokenizers", "mistral")
	models := map[string]string{"v1": "tokenizer.model.v1", "v3": "mistral_instruct_tokenizer_240323.model.v3"}
	n := 0
	for version, file := range models {
		tok, err := tokenizer.Load(readModel(t, filepath.Join(dir, file), "llama"))
		if err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(dir, "samples", "*", "tokens_"+version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			n++
			var want struct{ Tokens []int32 }
			if err := json.Unmarshal([]byte(read(t, path)), &want); err != nil {
				t.Fatal(err)
			}
			text := read(t, filepath.Join(filepath.Dir(path), "text_"+version+".txt"))
			for _, mark := range []string{"<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"} {
				if _, ok := tok.ID(mark); ok {
					text = strings.ReplaceAll(text, mark+"▁", mark)
				}
			}
			text = strings.NewReplacer("▁", " ", "<0x0A>", "\n").Replace(text)
			if got := tok.EncodePrompt(text, ""); !slices.Equal(got, want.Tokens) {
				t.Errorf("%s:\n got %v\nwant %v", path, got, want.Tokens)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d samples", n)
	}
}

func open(t *testing.T, path string) *tokenizer.Tokenizer {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	tok, err := tokenizer.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestRoundTripOfRealVocabularies decodes what the byte-level and SentencePiece
// vocabularies encoded.
func TestRoundTripOfRealVocabularies(t *testing.T) {
	dir := filepath.Join(data(t), "tokenizers", "llama.cpp")
	for _, name := range []string{"gpt-2", "deepseek-coder", "starcoder", "llama-spm", "phi-3"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "ggml-vocab-"+name+".gguf")
			tok := open(t, path)
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
