package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
)

// explainer keeps what it was asked.
type explainer struct{ q router.Question }

func (e *explainer) Explain(_ context.Context, q router.Question) (router.Explanation, error) {
	e.q = q
	return router.Explanation{Decision: router.Decision{Route: router.RouteLocal}}, nil
}

func TestExplain(t *testing.T) {
	t.Parallel()
	x := &explainer{}
	o := options(&script{})
	o.Explainer = x
	for body, want := range map[string]int{
		`{"messages":[{"role":"user","content":"hi"}],"client":"api:clinic-7","topic":"a/b","cusp":{"privacy":"private"}}`: http.StatusOK,
		`{"messages":[{"role":"user","content":"hi"}],"client":7}`:                                                         http.StatusBadRequest,
		`{"client":"iot"}`: http.StatusBadRequest,
	} {
		w := httptest.NewRecorder()
		New(o).ServeHTTP(w, httptest.NewRequest("POST", "/v1/cusp/explain", strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		if want == http.StatusOK && (!strings.Contains(w.Body.String(), `"route":"local"`) || x.q.Client() != "api:clinic-7" || x.q.Topic != "a/b" || x.q.Privacy != router.Private) {
			t.Errorf("asked %+v, said %s", x.q, w.Body)
		}
	}
}

func FuzzDecodeExplain(f *testing.F) {
	for _, seed := range []string{`{}`, `{"messages":[{"role":"user","content":"a"}],"client":"api:x:y","topic":"#"}`, `{"messages":[{"role":"user","content":"a"}],"cusp":{"privacy":"x"}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := DecodeExplain(body, testNow)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Status != 400) || err == nil && len(q.Messages) == 0 {
			t.Fatalf("%q: %+v, error %v", body, q, err)
		}
	})
}
