package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// eraserFunc is an Eraser.
type eraserFunc func(ids []string, before time.Time) (int, error)

var _ Eraser = eraserFunc(nil)

func (f eraserFunc) Erase(_ context.Context, ids []string, before time.Time) (int, error) {
	return f(ids, before)
}

func TestErase(t *testing.T) {
	t.Parallel()
	for query, c := range map[string]struct {
		ids    []string
		before bool
		err    error
		status int
		reply  string
	}{
		"?id=a&id=b":                     {[]string{"a", "b"}, false, nil, http.StatusOK, `{"deleted":2}`},
		"?before=2026-11-29T00:00:00.5Z": {nil, true, nil, http.StatusOK, `{"deleted":0}`},
		"":                               {nil, false, nil, http.StatusBadRequest, "name at least one id, or before"},
		"?before=yesterday":              {nil, false, nil, http.StatusBadRequest, "it must be a time such as"},
		"?id=c":                          {[]string{"c"}, false, errors.New("disk is full"), http.StatusInternalServerError, "cannot be written"},
	} {
		s := New(Options{Log: slog.New(slog.DiscardHandler), Eraser: eraserFunc(func(ids []string, before time.Time) (int, error) {
			if !slices.Equal(ids, c.ids) || before.IsZero() == c.before {
				t.Errorf("%s: asked for %v, %v", query, ids, before)
			}
			return len(ids), c.err
		})})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/v1/cusp/answers"+query, nil))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.reply) {
			t.Errorf("%s: status %d, %s", query, w.Code, w.Body)
		}
	}
}
