package doctor

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/a472be26/cusp/daemon"
)

// onSocket is a subject with a socket of its own; its path is short, since a
// socket's must be.
func onSocket(t *testing.T) *subject {
	t.Helper()
	dir, err := os.MkdirTemp("", "cusp")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := healthy(t)
	s.cfg.API.Socket = filepath.Join(dir, "s")
	return s
}

// answers serves a status on the socket.
func answers(t *testing.T, s *subject, v any) {
	t.Helper()
	l, err := net.Listen("unix", s.cfg.API.Socket)
	must(t, err)
	must(t, os.Chmod(s.cfg.API.Socket, 0o600))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(v) // to a client that may have gone
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
}

func TestSocketPlace(t *testing.T) {
	t.Parallel()
	s := onSocket(t)
	path := s.cfg.API.Socket
	want(t, socket(t.Context(), s), OK, "is free")

	must(t, os.WriteFile(path, nil, 0o600))
	want(t, socket(t.Context(), s), Failure, "is no socket", "another api.socket")
	must(t, os.Remove(path))

	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	want(t, socket(t.Context(), s), OK, "is a dead one")

	must(t, os.Chmod(path, 0o666))
	want(t, socket(t.Context(), s), Warning, "everybody on this machine", "api.mode")

	s.cfg.API.Group = "no-such-group"
	want(t, socket(t.Context(), s), Failure, `no group "no-such-group"`, "groupadd")

	s.Self = stranger
	must(t, os.Chmod(path, 0o600))
	want(t, socket(t.Context(), s), Warning, "user cusp may not ask", "api.group")

	s.cfg.API.Socket = "/" + string(make([]byte, 200))
	want(t, socket(t.Context(), s), Failure, "at most 107", "shorter")

	s = onSocket(t)
	s.cfg.API.Socket = filepath.Join(filepath.Dir(s.cfg.API.Socket), "a", "b", "s")
	want(t, socket(t.Context(), s), OK, "is free")
	must(t, os.Chmod(filepath.Dir(filepath.Dir(filepath.Dir(s.cfg.API.Socket))), 0o700))
	s.as = stranger
	want(t, socket(t.Context(), s), Failure, "cannot be made", "install -d -o cusp")
}

func TestSocketOfTheService(t *testing.T) {
	t.Parallel()
	s := onSocket(t)
	s.unit = unit{"LoadState": "loaded", "ActiveState": "active"}
	want(t, socket(t.Context(), s), Failure, "somebody removed it", "restart cusp.socket")
	s.unit["ActiveState"] = "inactive"
	want(t, socket(t.Context(), s), OK, "does not run")

	// A socket that systemd holds is not asked: that would start the service.
	answers(t, s, "never asked")
	want(t, socket(t.Context(), s), OK, "is there, and cusp.service does not run")
}

func TestWhoAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer any
		state  State
		want   []string
	}{
		"the daemon":     {daemon.Status{Device: "d1", Version: "1.0"}, OK, []string{"cusp 1.0 answers as d1"}},
		"another device": {daemon.Status{Device: "d2", Version: "1.0"}, Failure, []string{"another daemon answers: device d2"}},
		"an old one":     {daemon.Status{Device: "d1", Version: "0.9"}, Warning, []string{"is cusp 0.9, this program is 1.0", "restart"}},
		"old settings":   {daemon.Status{Device: "d1", Version: "1.0", Config: daemon.ConfigStatus{Restart: []string{"api.mode"}}}, Warning, []string{"api.mode wait for a restart"}},
		"bad settings":   {daemon.Status{Device: "d1", Version: "1.0", Config: daemon.ConfigStatus{Error: "line 3"}}, Warning, []string{"old configuration: line 3"}},
		"bad model":      {daemon.Status{Device: "d1", Version: "1.0", Refusal: &daemon.Refusal{Error: "hash"}}, Warning, []string{"refused a model: hash", "rollback"}},
		"no daemon":      {"hello", Failure, []string{"is no Cusp daemon"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onSocket(t)
			answers(t, s, c.answer)
			want(t, socket(t.Context(), s), c.state, c.want...)
		})
	}
}
