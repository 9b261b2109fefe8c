//go:build !nocloud

package cloud

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// connect are the options of a connection that is made, and made again, for as long
// as it takes.
func (o NATSOptions) connect() ([]nats.Option, error) {
	all := []nats.Option{
		nats.Name("cusp cloud"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn("NATS connection lost, reconnecting", "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { o.Log.Info("NATS connected", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { o.Log.Debug("NATS", "err", err) }),
	}
	var errs []error
	readable := func(what, path string, option func() nats.Option) {
		if path == "" {
			return
		}
		if _, err := os.Stat(path); err != nil {
			errs = append(errs, fmt.Errorf("read NATS %s: %w", what, err))
			return
		}
		all = append(all, option())
	}
	readable("credentials", o.Credentials, func() nats.Option { return nats.UserCredentials(o.Credentials) })
	readable("CA file", o.CAFile, func() nats.Option { return nats.RootCAs(o.CAFile) })
	readable("certificate", o.CertFile, func() nats.Option { return nats.ClientCert(o.CertFile, o.KeyFile) })
	readable("password file", o.PasswordFile, func() nats.Option {
		return nats.UserInfoHandler(func() (string, string) {
			password, _ := os.ReadFile(o.PasswordFile) // a missing one is a wrong one, and told so
			return o.Username, strings.TrimRight(string(password), "\r\n")
		})
	})
	return all, errors.Join(errs...)
}
