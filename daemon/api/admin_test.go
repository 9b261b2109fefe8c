package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/a472be26/cusp/daemon/peer"
)

func TestWhatIsForAdministrators(t *testing.T) {
	t.Parallel()
	const admins = 77
	s := New(Options{
		Log: slog.New(slog.DiscardHandler), Status: func() any { return nil },
		Models:  func() []Model { return nil },
		Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Admin:   func(who peer.Cred) bool { return who.UID == 0 || who.Has(admins) },
	})
	root, member, other := &peer.Cred{}, &peer.Cred{UID: 1000, GID: 1000, Groups: []int{admins}}, &peer.Cred{UID: 1001, GID: 1001}
	for path, restricted := range map[string]bool{
		"/healthz": false, "/v1/models": false, "/v1/cusp/status": false,
		"/metrics": true, "/v1/cusp/answers/x": true, "/v1/cusp/answers/": true, "/v1//cusp/answers/x": false, // the mux cleans and redirects it
	} {
		for _, who := range []*peer.Cred{root, member, other, nil} {
			r := httptest.NewRequest("GET", path, nil)
			if who != nil {
				r = r.WithContext(context.WithValue(r.Context(), peerKey{}, *who))
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			want := restricted && (who == nil || who == other)
			if (w.Code == http.StatusForbidden) != want {
				t.Errorf("%s for %+v: status %d", path, who, w.Code)
			}
		}
	}
}
