package daemon

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Names of the sockets that the service manager passes (FileDescriptorName=); any
// other name is the API's own socket.
const (
	tcpSocket     = "cusp-tcp"
	metricsSocket = "cusp-metrics"
)

// passedSockets are those that the service manager passed; nil where it passed none.
type passedSockets struct{ api, tcp, metrics net.Listener }

func activated() (p passedSockets, err error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return p, fmt.Errorf("socket activation: %w", err)
	}
	for name, all := range named {
		for _, l := range all {
			place := &p.api
			switch name {
			case tcpSocket:
				place = &p.tcp
			case metricsSocket:
				place = &p.metrics
			}
			if l == nil || *place != nil {
				return p, fmt.Errorf("socket activation: one stream socket is wanted of the name %q", name)
			}
			*place = l
		}
	}
	return p, nil
}

// openTCP opens a TCP socket that the configuration wants under key, or takes the
// one that the service manager passed. A service in two processes has no network
// in which another one could be reached.
func (d *device) openTCP(key, unit, address string, passed net.Listener) (net.Listener, error) {
	if passed != nil {
		return passed, nil
	}
	if d.passed.api != nil && d.cfg.Link.Socket != "" {
		return nil, fmt.Errorf("%s: this service has no network of its own: the socket comes from %s, which `systemctl daemon-reload` makes of the configuration; then restart the service", key, unit)
	}
	return net.Listen("tcp", address)
}
