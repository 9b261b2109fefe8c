package api

import (
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/a472be26/cusp/daemon/peer"
)

// peerKey is where a request's context has the [peer.Cred] of its connection.
type peerKey struct{}

// withPeer keeps who connected. A connection of which that is not known has
// nothing there.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if who, err := peer.Of(c); err == nil {
		return context.WithValue(ctx, peerKey{}, who)
	}
	return ctx
}

// restricted tells whether a path is for administrators: what shows others'
// questions and answers, or what the device is used for.
func restricted(path string) bool {
	return path == "/metrics" || strings.HasPrefix(path, "/v1/cusp/answers")
}

// admits refuses who is no administrator where one is wanted.
func (s *Server) admits(w http.ResponseWriter, r *http.Request) bool {
	if s.o.Admin == nil || !restricted(r.URL.Path) {
		return true
	}
	if who, ok := r.Context().Value(peerKey{}).(peer.Cred); ok && s.o.Admin(who) {
		return true
	}
	s.fail(w, &Error{Status: http.StatusForbidden, Type: typeInvalid, Code: "forbidden",
		Message: r.URL.Path + " is for root, the daemon's own user and members of the administrators' group (api.admin_group)"})
	return false
}
