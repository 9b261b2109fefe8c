package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// secure is the step of TLS. The handshake is made without a judgement, which
// then can say all that is wrong with a certificate, and not only the first.
func (w *way) secure(ctx context.Context, s *subject) []Finding {
	if !w.encrypted() {
		return nil
	}
	address := net.JoinHostPort(w.url.Hostname(), w.port())
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c := w.options.TLSConfig; c != nil {
		config = c.Clone()
	}
	roots := config.RootCAs
	config.InsecureSkipVerify = true // judged below; nothing is sent over this connection
	config.ServerName = w.url.Hostname()
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return only(failure("see whether the port is that of TLS, mostly 8883, and try: openssl s_client -connect "+address, "%s makes no TLS connection: %v", address, err))
	}
	defer conn.Close()
	return s.judge(w, roots, conn.(*tls.Conn).ConnectionState().PeerCertificates)
}

// judge tells all that is wrong with the broker's certificate.
func (s *subject) judge(w *way, roots *x509.CertPool, chain []*x509.Certificate) []Finding {
	leaf, host := chain[0], w.url.Hostname()
	found := s.validity("the certificate of "+host, leaf)
	if leaf.VerifyHostname(host) != nil {
		found = append(found, failure("use one of these names in "+w.Table+".broker, or have the broker's certificate made for this one",
			"the certificate is not for %s but for %s", host, names(leaf)))
	}
	at := s.Now()
	if at.Before(leaf.NotBefore) || at.After(leaf.NotAfter) { // that was said; is anything else wrong?
		at = leaf.NotAfter.Add(-time.Second)
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at})
	if err != nil {
		found = append(found, w.untrusted(err, leaf))
	}
	return found
}

func (w *way) untrusted(err error, leaf *x509.Certificate) Finding {
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		remedy := fmt.Sprintf("set %s.ca_file to the certificate of that authority", w.Table)
		if w.CAFile != "" {
			remedy = "put the certificate of that authority into " + w.CAFile
		}
		return failure(remedy, "nobody trusted signed the certificate: %s did", printableName(leaf.Issuer.String()))
	}
	return failure("look at the chain: openssl s_client -showcerts", "the certificate cannot be verified: %v", err)
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name at all (a common name does not count)"
	}
	const most = 8
	if len(all) > most {
		all = append(all[:most], "…")
	}
	return strings.Join(all, ", ")
}

func printableName(name string) string {
	if name == "" {
		return "an authority without a name"
	}
	return name
}
