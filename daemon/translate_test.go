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

// translator makes a folder with the tiny T5 of the model's tests; the piece of
// token N is " tN".
// It returns a source text, and the logits that transformers has for the first
// token of its answer.
func translator(t *testing.T, dir string) (source []int, logits []float64) {
	t.Helper()
	const weights = "../infer/model/testdata/t5"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range []string{"config.json", "model.safetensors", "expected.json"} {
		data, err := os.ReadFile(filepath.Join(weights, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	vocab := [][2]any{{"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}}
	for n := len(vocab); n < 96; n++ {
		vocab = append(vocab, [2]any{fmt.Sprintf("▁t%d", n), -float64(n)})
	}
	special := []any{map[string]any{"id": 0, "content": "<pad>", "special": true}, map[string]any{"id": 1, "content": "</s>", "special": true}, map[string]any{"id": 2, "content": "<unk>", "special": true}}
	files["tokenizer.json"], _ = json.Marshal(map[string]any{
		"added_tokens": special,
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{
			map[string]any{"type": "WhitespaceSplit"}, map[string]any{"type": "Metaspace", "replacement": "▁", "add_prefix_space": true}}},
		"post_processor": map[string]any{"type": "TemplateProcessing", "single": []any{
			map[string]any{"Sequence": map[string]any{"id": "A"}}, map[string]any{"SpecialToken": map[string]any{"id": "</s>"}}}},
		"model": map[string]any{"type": "Unigram", "unk_id": 2, "vocab": vocab},
	})
	files["tokenizer_config.json"] = []byte(`{"eos_token":"</s>","unk_token":"<unk>","pad_token":"<pad>"}`)
	var want struct {
		Source []int
		Logits [][]float64
	}
	if err := json.Unmarshal(files["expected.json"], &want); err != nil {
		t.Fatal(err)
	}
	delete(files, "expected.json")
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return want.Source, want.Logits[0]
}

// A T5 answers as transformers has it begin its answer, in completions and to a
// message.
func TestTextToTextThroughTheSocket(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Model.AllowUnsigned = true
	source, logits := translator(t, filepath.Join(cfg.Model.Dir, "t5"))
	serveReal(t, cfg, Options{})
	var got struct {
		Choices []struct {
			Text     string
			LogProbs struct {
				Top []map[string]float64 `json:"top_logprobs"`
			}
			Message struct{ Content string }
		}
		Error struct{ Param, Message string }
	}
	tokens, _ := json.Marshal(source)
	if status := postJSON(t, cfg, "/v1/completions", fmt.Sprintf(`{"prompt":%s,"max_tokens":1,"logprobs":5,"ignore_eos":true}`, tokens), &got); status != 200 || len(got.Choices[0].LogProbs.Top[0]) != 5 {
		t.Fatalf("status %d, %+v", status, got)
	}
	sum := 0.
	for _, x := range logits {
		sum += math.Exp(x)
	}
	for piece, p := range got.Choices[0].LogProbs.Top[0] {
		id := 1 // </s>
		_, _ = fmt.Sscanf(strings.TrimSpace(piece), "t%d", &id)
		if want := logits[id] - math.Log(sum); math.Abs(p-want) > 0.02 {
			t.Errorf("token %q: log-probability %g, transformers has %g", piece, p, want)
		}
	}
	// A text gets the tokens around it that the vocabulary wants.
	body := fmt.Sprintf(`{"prompt":[%s],"max_tokens":20,"ignore_eos":true}`, `"t5 t17 t90",[5,17,90,1]`)
	if status := postJSON(t, cfg, "/v1/completions", body, &got); status != 200 || got.Choices[0].Text != got.Choices[1].Text || got.Choices[0].Text == "" {
		t.Errorf("status %d, %+v", status, got)
	}
	want := got.Choices[0].Text
	if status := postJSON(t, cfg, "/v1/chat/completions", `{"messages":[{"role":"user","content":"t5 t17 t90"}],"max_tokens":20,"ignore_eos":true}`, &got); status != 200 || got.Choices[0].Message.Content != want {
		t.Errorf("chat: status %d, %+v, want %q", status, got, want)
	}
	for param, members := range map[string]string{
		"messages": `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]`,
		"tools":    `"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}]`,
	} {
		if status := postJSON(t, cfg, "/v1/chat/completions", `{`+members+`}`, &got); status != 400 || got.Error.Param != param {
			t.Errorf("%s: status %d, %+v", param, status, got.Error)
		}
	}
}
