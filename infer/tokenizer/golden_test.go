package tokenizer

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goldenDir has what Hugging Face's tokenizers and sentencepiece made of random
// texts, written by testdata/make_goldens.py. CUSP_GOLDENS names another one,
// with more of them.
func goldenDir() string {
	if dir := os.Getenv("CUSP_GOLDENS"); dir != "" {
		return dir
	}
	return "testdata"
}

type golden struct {
	Metadata map[string]any
	Runs     []struct {
		Set     map[string]any
		Texts   []string
		IDs     [][]int32
		Decoded []*string
	}
}

func readGolden(t testing.TB, name string, into any) {
	t.Helper()
	f, err := os.Open(filepath.Join(goldenDir(), name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// metaOf turns JSON into what a GGUF file would give.
func metaOf(t testing.TB, keys map[string]any) meta {
	t.Helper()
	m := meta{}
	for key, v := range keys {
		switch v := v.(type) {
		case float64:
			m[key] = uint64(v)
		case []any:
			m[key] = arrayOf(v, key)
		case string:
			m[key] = v
			if key == keyCharsmap {
				blob, err := base64.StdEncoding.DecodeString(v)
				if err != nil {
					t.Fatal(err)
				}
				m[key] = intsOf(blob)
			}
		default:
			m[key] = v
		}
	}
	return m
}

func arrayOf(v []any, key string) any {
	var ints []int32
	var floats []float32
	var texts []string
	for _, e := range v {
		switch e := e.(type) {
		case string:
			texts = append(texts, e)
		case float64:
			ints, floats = append(ints, int32(e)), append(floats, float32(e))
		}
	}
	switch {
	case texts != nil:
		return texts
	case key == keyScores:
		return floats
	}
	return ints
}

func intsOf(blob []byte) []int32 {
	ints := make([]int32, len(blob))
	for i, b := range blob {
		ints[i] = int32(int8(b))
	}
	return ints
}

var goldens = []string{"bytelevel", "llama", "gemma", "spbpe", "unigram", "unigrambytes", "wordpiece"}

func TestEncodesAsTheReferencesDo(t *testing.T) {
	t.Parallel()
	for _, name := range goldens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g golden
			readGolden(t, name, &g)
			n := 0
			for _, run := range g.Runs {
				tok := metaOf(t, g.Metadata).with(metaOf(t, run.Set)).load(t)
				for i, text := range run.Texts {
					n++
					got := tok.Encode(text, false)
					if !slices.Equal(got, run.IDs[i]) {
						t.Errorf("%v: %q (%+q):\n got %v %q\nwant %v %q", run.Set, text, text, got, piecesOf(tok, got), run.IDs[i], piecesOf(tok, run.IDs[i]))
					}
					if want := run.Decoded[i]; want != nil && strings.ToValidUTF8(tok.Decode(run.IDs[i]), "\ufffd") != *want {
						t.Errorf("%v: %q was decoded as\n     %q\nwant %q", run.Set, text, tok.Decode(run.IDs[i]), *want)
					}
				}
			}
			if n < 60 {
				t.Errorf("only %d texts", n)
			}
		})
	}
}

func piecesOf(tok *Tokenizer, ids []int32) (pieces []string) {
	for _, id := range ids {
		pieces = append(pieces, tok.Piece(id))
	}
	return pieces
}

func TestSplitsAsHuggingFaceDoes(t *testing.T) {
	t.Parallel()
	var g struct {
		Runs []struct {
			Texts  []string
			Pieces map[string][][]int
		}
	}
	readGolden(t, "splits", &g)
	n := 0
	for _, run := range g.Runs {
		for name, all := range run.Pieces {
			split, err := SplitterFor(name)
			if err != nil {
				t.Error(err)
				continue
			}
			for i, text := range run.Texts {
				n++
				var got []int
				split(text, func(piece string) { got = append(got, len(piece)) })
				if !slices.Equal(got, all[i]) {
					t.Errorf("%s: %q (%+q):\n got %v\nwant %v", name, text, text, got, all[i])
				}
			}
		}
	}
	if n < 1000 {
		t.Fatalf("only %d texts", n)
	}
}
