package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// WriteSocketUnits writes the socket units that a service without a network needs
// for what the configuration listens on over TCP, and a drop-in that makes
// cusp.service take their sockets, into a systemd generator's directory (see
// systemd.generator(7)).
func WriteSocketUnits(cfg Config, dir string) error {
	var dropIn string
	var errs []error
	for _, u := range []struct{ name, key, address, what string }{
		{tcpSocket, "api.listen", cfg.API.Listen, "the API over TCP"},
		{metricsSocket, "metrics.listen", cfg.Metrics.Listen, "metrics over TCP"},
	} {
		if u.address == "" {
			continue
		}
		text, err := socketUnit(u.name, u.key, u.address, u.what)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, u.name+".socket"), []byte(text), 0o644)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.key, err))
			continue
		}
		dropIn += "Sockets=" + u.name + ".socket\n"
	}
	if dropIn == "" {
		return errors.Join(errs...)
	}
	home := filepath.Join(dir, "cusp.service.d")
	if err := os.Mkdir(home, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, os.WriteFile(filepath.Join(home, "sockets.conf"), []byte("[Service]\n"+dropIn), 0o644))...)
}

func socketUnit(name, key, address, what string) (string, error) {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return "", err
	}
	listen := a.String()
	if a.IP == nil { // all addresses
		listen = fmt.Sprint(a.Port)
	}
	return fmt.Sprintf(`# Made of %s in cusp.toml.
[Unit]
Description=Cusp: %s
[Socket]
ListenStream=%s
FileDescriptorName=%s
Service=cusp.service
FreeBind=yes
`, key, what, listen, name), nil
}
