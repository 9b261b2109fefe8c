package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// minToken is the shortest bearer token that is taken, in bytes.
const minToken = 16

// Tokens are bearer tokens, of which only hashes are kept. They are never logged.
type Tokens [][sha256.Size]byte

// ParseTokens reads one token a line. Empty lines and lines that begin with # are
// not tokens. An error names a line and never what is on it.
func ParseTokens(text []byte) (Tokens, error) {
	var all Tokens
	number := 0
	for line := range bytes.Lines(text) {
		number++
		token := string(bytes.TrimSpace(line))
		switch {
		case token == "" || token[0] == '#':
			continue
		case len(token) < minToken:
			return nil, fmt.Errorf("line %d: a token has %d bytes; it must have at least %d, for example from `openssl rand -hex 32`", number, len(token), minToken)
		case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, fmt.Errorf("line %d: a token has characters other than letters, digits and signs of ASCII", number)
		}
		all = append(all, sha256.Sum256([]byte(token)))
	}
	if len(all) == 0 {
		return nil, errors.New("there is no token; write one a line")
	}
	return all, nil
}

// Has tells whether token is one of them, in a time that does not depend on how
// much of it is right.
func (t Tokens) Has(token string) bool {
	sum, found := sha256.Sum256([]byte(token)), 0
	for _, known := range t {
		found |= subtle.ConstantTimeCompare(sum[:], known[:])
	}
	return found == 1
}

// remote answers a request over TLS: only the API itself, and only to who has a
// token. What tells of the device or of others' questions stays on the socket.
func (s *Server) remote(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || s.o.Authorized == nil || !s.o.Authorized(strings.TrimSpace(token)) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		s.fail(w, &Error{Status: http.StatusUnauthorized, Type: typeInvalid, Code: "invalid_api_key",
			Message: "no valid bearer token was sent; OpenAI's clients send theirs as the API key"})
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/v1/") || strings.HasPrefix(r.URL.Path, "/v1/cusp/") {
		s.fail(w, notFound(fmt.Sprintf("%.200s is answered on the unix socket only", r.URL.Path)))
		return
	}
	s.route(w, r)
}
