package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// lengths is an Embedder whose vectors hold the lengths of the texts.
type lengths struct{}

var _ Embedder = lengths{}

func (lengths) Embed(_ context.Context, texts []Text) (Vectors, error) {
	v := Vectors{Model: "enc@1"}
	for _, t := range texts {
		if t.Text == "fail" {
			return v, &Error{Status: 429, Message: "busy", RetryAfter: 3}
		}
		v.Values = append(v.Values, []float32{float32(len(t.Text)), float32(len(t.Tokens)), -0.5})
		v.Tokens += len(t.Text) + len(t.Tokens)
	}
	return v, nil
}

func embed(e Embedder, body string) *http.Response {
	o := options(&script{})
	o.Embedder = e
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, httptest.NewRequest("POST", "/v1/embeddings", strings.NewReader(body)))
	return w.Result()
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][][]float64{
		`{"input":"abc"}`:                                {{3, 0, -0.5}},
		`{"input":["a","bc"],"model":"enc"}`:             {{1, 0, -0.5}, {2, 0, -0.5}},
		`{"input":[5,6,7],"model":"cusp"}`:               {{0, 3, -0.5}},
		`{"input":[[5],"ab"],"encoding_format":"float"}`: {{0, 1, -0.5}, {2, 0, -0.5}},
		`{"input":"abc","dimensions":3}`:                 {{3, 0, -0.5}},
	} {
		resp := embed(lengths{}, body)
		m := decode(t, resp.Body)
		data, _ := m["data"].([]any)
		if resp.StatusCode != 200 || len(data) != len(want) || m["model"] != "enc@1" || m["object"] != "list" {
			t.Errorf("%s: %s, %v", body, resp.Status, m)
			continue
		}
		for i, d := range data {
			d := d.(map[string]any)
			for j, x := range d["embedding"].([]any) {
				if x != want[i][j] || d["index"] != float64(i) || d["object"] != "embedding" {
					t.Errorf("%s: %v", body, d)
				}
			}
		}
	}
	m := decode(t, embed(lengths{}, `{"input":"abc","encoding_format":"base64"}`).Body)
	raw, err := base64.StdEncoding.DecodeString(m["data"].([]any)[0].(map[string]any)["embedding"].(string))
	got := make([]float32, 3)
	if err == nil {
		err = binary.Read(bytes.NewReader(raw), binary.LittleEndian, got)
	}
	if err != nil || got[0] != 3 || got[2] != -0.5 || len(raw) != 12 {
		t.Errorf("%v, error %v", got, err)
	}
}

func TestEmbeddingRefusals(t *testing.T) {
	t.Parallel()
	for body, c := range map[string]struct {
		status int
		param  any
		says   string
	}{
		`{}`:                                    {400, "input", "missing"},
		`{"input":""}`:                          {400, "input", "empty"},
		`{"input":[]}`:                          {400, "input", "empty"},
		`{"input":{}}`:                          {400, "input", "must be"},
		`{"input":"a","encoding_format":"hex"}`: {400, "encoding_format", "hex"},
		`{"input":"a","dimensions":2}`:          {400, "dimensions", "have 3"},
		`{"input":"a","dimensions":0}`:          {400, "dimensions", "between 1"},
		`{"input":"a","model":"gpt-9"}`:         {404, "model", "gpt-9"},
		`{"input":"a","model":"cusp-student"}`:  {400, "model", "answers questions"},
		`{"input":"fail"}`:                      {429, nil, "busy"},
	} {
		resp := embed(lengths{}, body)
		e := decode(t, resp.Body)["error"].(map[string]any)
		if resp.StatusCode != c.status || e["param"] != c.param || !strings.Contains(e["message"].(string), c.says) {
			t.Errorf("%s: %s, %v", body, resp.Status, e)
		}
		if (resp.Header.Get("Retry-After") == "3") != (c.status == 429) {
			t.Errorf("%s: Retry-After %q", body, resp.Header.Get("Retry-After"))
		}
	}
	if resp := embed(nil, `{"input":"a"}`); resp.StatusCode != 404 {
		t.Errorf("no model: %s", resp.Status)
	}
}

func FuzzDecodeEmbedding(f *testing.F) {
	for _, seed := range []string{`{}`, `{"input":"a"}`, `{"input":[1,2]}`, `{"input":["a",[3]],"encoding_format":"base64","dimensions":4}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeEmbedding(body)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Status != 400) || err == nil && len(r.Texts) == 0 {
			t.Fatalf("%q: %+v, error %v", body, r, err)
		}
	})
}
