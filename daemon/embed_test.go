package daemon

import (
	"encoding/json"
	"fmt"
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

// Classes have the probabilities that follow from transformers' scores, whether the
// classifier serves or stands beside what does.
func TestClassesThroughTheSocket(t *testing.T) {
	t.Parallel()
	for name, asMain := range map[string]bool{"bert_classify": true, "roberta_classify": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			weights := "../infer/model/testdata/" + name
			text, err := os.ReadFile(filepath.Join(weights, "expected.json"))
			var want struct {
				Inputs []int
				Scores []float64
			}
			if err == nil {
				err = json.Unmarshal(text, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			cfg := testConfig(t)
			cfg.Model.AllowUnsigned = true
			dir := filepath.Join(cfg.Model.Dir, name)
			if !asMain {
				dir = filepath.Join(filepath.Dir(cfg.API.Socket), name)
				cfg.Embeddings.Model = dir
			}
			modeltest.Encoder(t, weights, dir)
			serveReal(t, cfg, Options{})
			tokens, _ := json.Marshal(want.Inputs)
			var got struct {
				Model  string
				Labels []string
				Data   []struct {
					Label string
					Probs []float64
				}
				Usage struct {
					Prompt int `json:"prompt_tokens"`
				}
				Error struct{ Param, Message string }
			}
			status := postJSON(t, cfg, "/v1/classify", fmt.Sprintf(`{"model":%q,"input":[%s,"turn it on"]}`, name, tokens), &got)
			if status != 200 || len(got.Data) != 2 || len(got.Labels) != len(want.Scores) || got.Usage.Prompt < len(want.Inputs)+5 {
				t.Fatalf("status %d, %+v", status, got)
			}
			sum := 1.
			if len(want.Scores) > 1 {
				sum = 0
				for _, x := range want.Scores {
					sum += math.Exp(x)
				}
			}
			for i, x := range want.Scores {
				p := math.Exp(x) / sum
				if len(want.Scores) == 1 {
					p = 1 / (1 + math.Exp(-x))
				}
				if math.Abs(got.Data[0].Probs[i]-p) > 0.005 {
					t.Errorf("class %d: %g, transformers has %g", i, got.Data[0].Probs[i], p)
				}
			}
			if asMain && got.Data[0].Label != "LABEL_2" {
				t.Errorf("%+v", got)
			}
			if status := postJSON(t, cfg, "/v1/classify", `{"input":[99999]}`, &got); status != 400 || got.Error.Param != "input" {
				t.Errorf("status %d, %+v", status, got.Error)
			}
		})
	}
}

func TestNoClasses(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Model.AllowUnsigned = true
	cfg.Embeddings.Model = filepath.Join(filepath.Dir(cfg.API.Socket), "bert")
	modeltest.Encoder(t, bertData, cfg.Embeddings.Model)
	serve(t, cfg, Options{})
	var got embedded
	if status := postJSON(t, cfg, "/v1/classify", `{"input":"x"}`, &got); status != 404 || got.Error.Code != "model_not_found" {
		t.Errorf("status %d, %+v", status, got.Error)
	}
}
