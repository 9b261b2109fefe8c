package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/packaging/bundle"
)

// keys looks at all that proves something: keys of model makers, certificates
// with their keys, passwords and tokens.
func keys(_ context.Context, s *subject) (found []Finding) {
	found = append(found, s.trusted())
	for _, k := range s.secrets() {
		found = append(found, s.secret(k)...)
	}
	for _, p := range s.pairs() {
		found = append(found, s.pair(p)...)
	}
	return append(found, s.tokens()...)
}

func (s *subject) trusted() Finding {
	all, err := s.cfg.Model.Trusted()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return s.unseen("model.trust", err)
	case err != nil:
		return told(err, "put minisign public keys there, files that end in .pub")
	case len(all) == 0 && !s.cfg.Model.AllowUnsigned:
		return warning("put their makers' public keys into "+strings.Join(s.cfg.Model.Trust, ", "), "no key is trusted: no model package can be used")
	}
	ids := make([]string, len(all))
	for i, k := range all {
		ids[i] = bundle.KeyID(k)
	}
	return ok("models signed by %s are trusted", strings.Join(ids, ", "))
}

// secretKey is a secret that the configuration names: as a file, or as a
// credential of the unit.
type secretKey struct{ key, file, credential string }

func (s *subject) secrets() (all []secretKey) {
	for _, k := range []secretKey{
		{"cloud.password", s.cfg.Cloud.PasswordFile, s.cfg.Cloud.PasswordCredential},
		{"cloud.key", s.cfg.Cloud.KeyFile, s.cfg.Cloud.KeyCredential},
		{"iot.password", s.cfg.IoT.PasswordFile, s.cfg.IoT.PasswordCredential},
		{"iot.key", s.cfg.IoT.KeyFile, s.cfg.IoT.KeyCredential},
		{"api.key", s.cfg.API.KeyFile, s.cfg.API.KeyCredential},
		{"api.tokens", s.cfg.API.TokensFile, s.cfg.API.TokensCredential},
	} {
		if k.file+k.credential != "" {
			all = append(all, k)
		}
	}
	return all
}

// secret tells whether the daemon gets to it, and who else does.
func (s *subject) secret(k secretKey) []Finding {
	if k.credential != "" {
		if path := credentialPath(k.credential); !exists(path) {
			return only(warning(fmt.Sprintf("add LoadCredential=%s:FILE with systemctl edit cusp.service, and start it; then ask again as root", k.credential),
				"%s_credential: %q was not passed, as far as %s can see", k.key, k.credential, s.Self))
		}
		return nil
	}
	info, err := s.as.reach(k.file, read)
	if err != nil {
		return only(s.barred(k.key+"_file", k.file, err))
	}
	if info.Mode().Perm()&0o007 != 0 {
		return only(failure("chmod o= "+k.file, "%s_file %s is a secret, and everybody can read it (%s)", k.key, k.file, info.Mode()))
	}
	return nil
}

// credentialPath is where the credential of this process lies, or that of the
// service while it runs (systemd.exec(5)).
func credentialPath(name string) string {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		dir = "/run/credentials/" + serviceUnit
	}
	return filepath.Join(dir, name)
}

// certified is a certificate and its key.
type certified struct{ key, cert, file string }

func (s *subject) pairs() (all []certified) {
	for _, p := range []struct{ key, cert, file, credential string }{
		{"cloud.cert_file", s.cfg.Cloud.CertFile, s.cfg.Cloud.KeyFile, s.cfg.Cloud.KeyCredential},
		{"iot.cert_file", s.cfg.IoT.CertFile, s.cfg.IoT.KeyFile, s.cfg.IoT.KeyCredential},
		{"api.cert_file", s.cfg.API.CertFile, s.cfg.API.KeyFile, s.cfg.API.KeyCredential},
	} {
		if p.credential != "" {
			p.file = credentialPath(p.credential)
		}
		if p.cert != "" && p.file != "" {
			all = append(all, certified{p.key, p.cert, p.file})
		}
	}
	return all
}

// pair reads a certificate with its key, if whoever asks may read both.
func (s *subject) pair(p certified) []Finding {
	if _, err := s.as.reach(p.cert, read); err != nil {
		return only(s.barred(p.key, p.cert, err))
	}
	both, err := tls.LoadX509KeyPair(p.cert, p.file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return only(s.unseen("the key of "+p.key, err))
	case errors.Is(err, fs.ErrNotExist):
		return nil // said above
	case err != nil:
		return only(failure("put a certificate and the key that belongs to it there, both in PEM", "%s %s: %v", p.key, p.cert, err))
	}
	return s.validity(p.key+" "+p.cert, both.Leaf)
}

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// validity looks at the dates of a certificate.
func (s *subject) validity(what string, c *x509.Certificate) []Finding {
	now := s.Now()
	s.saw(c.NotBefore, what)
	switch {
	case now.Before(c.NotBefore):
		return only(failure("set the clock: timedatectl; or wait", "%s holds from %s on, and it is %s here", what, day(c.NotBefore), day(now)))
	case now.After(c.NotAfter):
		return only(failure("renew it, or set the clock if that is wrong: timedatectl", "%s ended on %s, and it is %s here", what, day(c.NotAfter), day(now)))
	case now.Add(soon).After(c.NotAfter):
		return only(warning("renew it", "%s ends on %s", what, day(c.NotAfter)))
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// tokens looks into the file of bearer tokens, without a word on any of them.
func (s *subject) tokens() []Finding {
	c := s.cfg.API
	path := c.TokensFile
	if c.TokensCredential != "" {
		path = credentialPath(c.TokensCredential)
	}
	if c.Listen == "" || path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil // said above
	}
	all, err := api.ParseTokens(text)
	if err != nil {
		return only(failure("write one token a line: openssl rand -hex 32", "api.tokens %s: %v", path, err))
	}
	return only(ok("the API over TCP at %s takes %d bearer tokens", c.Listen, len(all)))
}
