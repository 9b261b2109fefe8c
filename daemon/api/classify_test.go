package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// classes are always the same two.
type classes struct{ asked []Text }

var _ Classifier = (*classes)(nil)

func (c *classes) Classify(_ context.Context, texts []Text) (Classes, error) {
	c.asked = texts
	out := Classes{Model: "m", Labels: []string{"off", "on"}, Tokens: 3}
	for range texts {
		out.Probabilities = append(out.Probabilities, []float64{0.25, 0.75})
	}
	return out, nil
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for body, c := range map[string]struct {
		status int
		says   string // of the error
		texts  int
	}{
		`{"input":"a"}`:                {200, "", 1},
		`{"input":["a",[1,2]]}`:        {200, "", 2},
		`{"model":"cusp","input":"a"}`: {200, "", 1},
		`{"model":"enc","input":"a"}`:  {200, "", 1},
		`{"model":"else","input":"a"}`: {404, "else", 0},
		`{}`:                           {400, "input is missing", 0},
		`{"input":[]}`:                 {400, "empty", 0},
		`{"input":5}`:                  {400, "a string", 0},
	} {
		asked := &classes{}
		o := options(&script{})
		o.Classifier = asked
		resp := postTo(New(o), "POST", "/v1/classify", body)
		m := decode(t, resp.Body)
		if resp.StatusCode != c.status || len(asked.asked) != c.texts {
			t.Errorf("%s: %s, %d texts, %v", body, resp.Status, len(asked.asked), m)
			continue
		}
		if c.status != 200 {
			if message, _ := m["error"].(map[string]any)["message"].(string); !strings.Contains(message, c.says) {
				t.Errorf("%s: %q, want %q", body, message, c.says)
			}
			continue
		}
		requireMembers(t, m, "id", "object", "created", "model", "labels", "data.index", "data.label", "data.probs", "data.num_classes", "usage.prompt_tokens")
		if first := m["data"].([]any)[0].(map[string]any); first["label"] != "on" || !slices.Equal(first["probs"].([]any), []any{0.25, 0.75}) {
			t.Errorf("%s: %v", body, first)
		}
	}
	if resp := post(&script{}, "POST", "/v1/classify", `{"input":"a"}`); resp.StatusCode != 404 {
		t.Errorf("without a classifier: %s", resp.Status)
	}
}

func FuzzDecodeClassify(f *testing.F) {
	for _, seed := range []string{`{}`, `{"input":"a"}`, `{"input":["a",[1,2]],"model":"m"}`, `{"input":[[]]}`, `{"input":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeClassify(body)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Message == "" || e.Status != 400) || err == nil && (len(r.Texts) == 0 || len(r.Texts) > maxInputs) {
			t.Fatalf("%q: %+v, error %v", body, r, err)
		}
	})
}
