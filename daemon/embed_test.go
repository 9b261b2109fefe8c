package daemon

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// encoder makes a folder with a tiny random BERT whose words are letters.
func encoder(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "model.safetensors"} {
		data, err := os.ReadFile(filepath.Join("..", "infer", "model", "testdata", "bert", name))
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

// embedded is what a client reads of vectors.
type embedded struct {
	Model string
	Data  []struct {
		Index     int
		Embedding []float64
	}
	Usage struct {
		Prompt int `json:"prompt_tokens"`
	}
	Error struct{ Param, Message, Code string }
}

func TestEmbeddingsThroughTheSocket(t *testing.T) {
	t.Parallel()
	for name, asMain := range map[string]bool{"as the model": true, "beside the model": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.Model.AllowUnsigned = true
			dir := filepath.Join(filepath.Dir(cfg.API.Socket), "bert")
			if asMain {
				dir = filepath.Join(cfg.Model.Dir, "bert")
			} else {
				cfg.Embeddings.Model = dir
			}
			encoder(t, dir)
			serveReal(t, cfg, Options{})
			var got embedded
			status := postJSON(t, cfg, "/v1/embeddings", `{"model":"bert","input":["turn it on","turn it on","off",[7,8]]}`, &got)
			if status != 200 || len(got.Data) != 4 || got.Model != "bert" || got.Usage.Prompt != (2+8)*2+(2+3)+2 {
				t.Fatalf("status %d, %+v", status, got)
			}
			a, b, c := got.Data[0].Embedding, got.Data[1].Embedding, got.Data[2].Embedding
			same, other := 0., 0.
			for i := range a {
				same += a[i] * b[i]
				other += a[i] * c[i]
			}
			if len(a) != 32 || math.Abs(same-1) > 1e-3 || other > same-1e-6 {
				t.Errorf("cosines %g and %g of %d numbers", same, other, len(a))
			}
			for body, param := range map[string]string{
				`{"input":"` + strings.Repeat("a ", 200) + `"}`: "input",
				`{"input":[99999]}`:                             "input",
				`{"input":"x","dimensions":7}`:                  "dimensions",
				`{"input":"x","model":"cusp-student"}`:          "model",
			} {
				want := 400
				if asMain && param == "model" {
					want = 404
				}
				var got embedded
				if status := postJSON(t, cfg, "/v1/embeddings", body, &got); status != want || got.Error.Param != param {
					t.Errorf("%.40s: status %d, %+v", body, status, got.Error)
				}
			}
			var answer reply
			if status := postJSON(t, cfg, "/v1/chat/completions", `{"model":"bert","messages":[{"role":"user","content":"x"}]}`, &answer); status != 400 || answer.Error.Param != "model" {
				t.Errorf("chat: status %d, %+v", status, answer.Error)
			}
		})
	}
}

func TestNoEmbeddings(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	serve(t, cfg, Options{})
	var got embedded
	if status := postJSON(t, cfg, "/v1/embeddings", `{"input":"x"}`, &got); status != 404 || !strings.Contains(got.Error.Message, "[embeddings]") {
		t.Errorf("status %d, %+v", status, got.Error)
	}
}

func TestEmbeddingModelIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config, string)
		says   string
	}{
		"unsigned":     {func(c *Config, dir string) { encoder(t, dir); c.Model.AllowUnsigned = false }, "allow_unsigned"},
		"not there":    {func(*Config, string) {}, "embeddings.model"},
		"no encoder":   {func(c *Config, dir string) { c.Embeddings.Model = dir + ".gguf"; writeTiny(t, dir+".gguf") }, "makes no vectors"},
		"not absolute": {func(c *Config, _ string) { c.Embeddings.Model = "bert" }, "absolute"},
	} {
		cfg := testConfig(t)
		dir := filepath.Join(filepath.Dir(cfg.API.Socket), "bert")
		cfg.Model.AllowUnsigned, cfg.Embeddings.Model = true, dir
		c.change(&cfg, dir)
		if err := Serve(t.Context(), cfg, Options{loader: &fakeLoader{}}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func writeTiny(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, tinyModel(t), 0o600); err != nil {
		t.Fatal(err)
	}
}
