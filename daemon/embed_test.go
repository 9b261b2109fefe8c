package daemon

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/modeltest"
)

// bertData has the weights of a tiny BERT.
const bertData = "../infer/model/testdata/bert"

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
			modeltest.Encoder(t, bertData, dir)
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
		"unsigned":     {func(c *Config, dir string) { modeltest.Encoder(t, bertData, dir); c.Model.AllowUnsigned = false }, "allow_unsigned"},
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
