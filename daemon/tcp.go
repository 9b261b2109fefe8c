package daemon

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/a472be26/cusp/daemon/api"
)

// network is the API's way in from a network.
type network struct {
	listener    net.Listener
	tokens      *fresh[api.Tokens]
	certificate *fresh[*tls.Certificate]
}

// listenTCP opens the API to a network, where the configuration wants it: with
// TLS and bearer tokens, never without.
func (d *device) listenTCP() error {
	c := d.cfg.API
	if c.Listen == "" {
		return nil
	}
	n := &network{
		certificate: &fresh[*tls.Certificate]{what: "certificate", log: d.log, paths: []string{c.CertFile, credentialOr(c.KeyCredential, c.KeyFile)}, read: readCertificate},
		tokens: &fresh[api.Tokens]{what: "bearer tokens", log: d.log, paths: []string{credentialOr(c.TokensCredential, c.TokensFile)}, read: func(paths []string) (api.Tokens, error) {
			return readTokens(paths[0], c.TokensCredential == "")
		}},
	}
	if err := errors.Join(n.certificate.start(), n.tokens.start()); err != nil {
		return fmt.Errorf("api over TCP: %w", err)
	}
	var err error
	if n.listener, err = d.openTCP("api.listen", tcpSocket+".socket", c.Listen, d.passed.tcp); err != nil {
		return fmt.Errorf("api over TCP: %w", err)
	}
	d.network = n
	d.onClose(func() { _ = n.listener.Close() }) // again after the server closed it: to no effect
	return nil
}

// serveTCP answers there, once the API is made.
func (d *device) serveTCP() {
	if d.network == nil {
		return
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return d.network.certificate.get(), nil
	}}
	go func() {
		if err := d.api.ServeTLS(d.network.listener, config); err != nil {
			d.log.Error("the API over TCP ended", "error", err)
		}
	}()
	d.log.Info("the API is open over TCP", "address", d.network.listener.Addr().String())
}

// authorized tells whether a bearer token is good now.
func (d *device) authorized(token string) bool {
	return d.network != nil && d.network.tokens.get().Has(token)
}

func readCertificate(paths []string) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(paths[0], paths[1])
	if err != nil {
		return nil, fmt.Errorf("%s with its key %s: %w", paths[0], paths[1], err)
	}
	return &c, nil
}

// readTokens refuses a file that everybody can read: a secret is none there.
func readTokens(path string, private bool) (api.Tokens, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && private && info.Mode().Perm()&0o007 != 0 {
		err = fmt.Errorf("everybody can read it; chmod o= %s", path)
	}
	var all api.Tokens
	if err == nil {
		all, err = api.ParseTokens(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// fresh is what some files say, read again when one of them has changed. What
// cannot be read leaves what was read before.
type fresh[T any] struct {
	what  string
	log   *slog.Logger
	paths []string
	read  func(paths []string) (T, error)

	mu     sync.Mutex // guards the fields below
	value  T
	stamps []time.Time // of the files when they were last tried
	looked time.Time
}

// lookPause is for how long the files are not looked at again.
const lookPause = time.Second

// start reads for the first time.
func (f *fresh[T]) start() (err error) {
	f.stamps, f.looked = f.times(), time.Now()
	if f.value, err = f.read(f.paths); err != nil {
		return fmt.Errorf("%s: %w", f.what, err)
	}
	return nil
}

func (f *fresh[T]) get() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < lookPause {
		return f.value
	}
	f.looked = time.Now()
	now := f.times()
	if slices.Equal(now, f.stamps) {
		return f.value
	}
	f.stamps = now
	next, err := f.read(f.paths)
	if err != nil {
		f.log.Error("what was read before holds on", "what", f.what, "error", err)
		return f.value
	}
	f.value = next
	f.log.Info("read again", "what", f.what)
	return f.value
}

// times are those of the last change of the files, zero where one is not there.
func (f *fresh[T]) times() []time.Time {
	all := make([]time.Time, len(f.paths))
	for i, path := range f.paths {
		if info, err := os.Stat(path); err == nil {
			all[i] = info.ModTime()
		}
	}
	return all
}
