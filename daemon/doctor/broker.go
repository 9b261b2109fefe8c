package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/router/uplink"
)

// brokers goes the way to each of them.
func brokers(ctx context.Context, s *subject) (found []Finding) {
	all := s.cfg.Brokers()
	if len(all) == 0 {
		return only(ok("none is configured: every question is answered on the device"))
	}
	for _, b := range all {
		for _, f := range s.broker(ctx, b) {
			f.Text = b.Table + ": " + f.Text
			found = append(found, f)
		}
	}
	return found
}

// way is a connection to a broker in the making.
type way struct {
	daemon.NamedBroker
	url     *url.URL
	options *mqtt.ClientOptions
}

// broker takes the steps of a connection, up to the one that fails.
func (s *subject) broker(ctx context.Context, b daemon.NamedBroker) (found []Finding) {
	b = withCredentials(b)
	w, secrets := s.newWay(b)
	if w == nil {
		return secrets
	}
	for _, step := range []func(context.Context, *subject) []Finding{w.name, w.connect, w.secure} {
		notes := step(ctx, s)
		found = append(found, notes...)
		if slices.ContainsFunc(notes, func(f Finding) bool { return f.State == Failure }) {
			return append(found, secrets...)
		}
	}
	if len(secrets) > 0 {
		return append(found, secrets...)
	}
	return append(found, w.log(ctx, s.cfg.Device.ID)...)
}

// withCredentials takes secrets of the unit from where it has them while it runs.
func withCredentials(b daemon.NamedBroker) daemon.NamedBroker {
	if name := b.Config.PasswordCredential; name != "" {
		b.PasswordFile = credentialPath(name)
	}
	if name := b.Config.KeyCredential; name != "" {
		b.KeyFile = credentialPath(name)
	}
	return b
}

// newWay reads the files that the configuration names. Where a secret cannot be
// read, the way to the broker can be tried all the same; nil: not even that.
func (s *subject) newWay(b daemon.NamedBroker) (w *way, secrets []Finding) {
	o, err := b.ClientOptions()
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			secrets = only(s.unseen("whether the broker lets the daemon in", err))
		} else {
			secrets = only(told(err, "correct the file"))
		}
		open := uplink.Broker{URL: b.URL, CAFile: b.CAFile}
		if o, err = open.ClientOptions(); err != nil {
			return nil, secrets
		}
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		return nil, only(failure("write tcp://HOST:1883 or ssl://HOST:8883", "the URL %s cannot be read", b))
	}
	return &way{b, u, o}, secrets
}

// port is that of the URL, or its scheme's.
func (w *way) port() string {
	if p := w.url.Port(); p != "" {
		return p
	}
	return map[string]string{"ws": "80", "wss": "443"}[w.url.Scheme]
}

func (w *way) encrypted() bool {
	return slices.Contains([]string{"ssl", "tls", "mqtts", "wss"}, w.url.Scheme)
}

// name is the step of DNS.
func (w *way) name(ctx context.Context, s *subject) []Finding {
	if w.port() == "" {
		return only(failure("write the port: "+w.url.Scheme+"://"+w.url.Hostname()+":1883", "the URL %s has no port", w))
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	if _, err := s.Resolve(ctx, w.url.Hostname()); err != nil {
		return only(failure("resolvectl query "+w.url.Hostname()+"; see /etc/resolv.conf, the network, and the name in "+w.Table+".broker", "the name %s has no address: %v", w.url.Hostname(), err))
	}
	return nil
}

// dialTime is how long a broker may take to accept a connection, and again to
// answer at each step above it.
const dialTime = 7 * time.Second

// connect is the step of TCP.
func (w *way) connect(ctx context.Context, s *subject) []Finding {
	address := net.JoinHostPort(w.url.Hostname(), w.port())
	conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return only(failure("start the broker there, or correct the port", "%s refuses connections: no broker listens", address))
	case err != nil:
		return only(failure("ping "+w.url.Hostname()+"; see firewalls on the way, and the routes: ip route", "%s cannot be reached: %v", address, err))
	}
	conn.Close()
	if !w.encrypted() && w.secret() && !loopback(conn.RemoteAddr()) {
		return only(warning("use ssl:// with a broker that offers TLS", "the password travels to %s for everybody to read", address))
	}
	return nil
}

// secret tells whether a password is sent.
func (w *way) secret() bool {
	_, inURL := w.url.User.Password()
	return inURL || w.PasswordFile != ""
}

func loopback(a net.Addr) bool {
	tcp, known := a.(*net.TCPAddr)
	return known && tcp.IP.IsLoopback()
}

// log connects as an MQTT client of its own, so that the daemon's session is left
// alone, and subscribes to what the daemon reads there. Mosquitto accepts every
// subscription and holds back what its access list forbids, so that this finds
// less there.
func (w *way) log(ctx context.Context, device string) []Finding {
	client := mqtt.NewClient(w.options.SetClientID("cusp-doctor-" + uplink.RandomID()).SetCleanSession(true).
		SetConnectRetry(false).SetAutoReconnect(false).SetConnectTimeout(dialTime))
	defer client.Disconnect(0)
	if err := waitFor(ctx, client.Connect()); err != nil {
		return only(w.refusal(err))
	}
	token := client.Subscribe(w.Filter, 1, func(mqtt.Client, mqtt.Message) {})
	err := waitFor(ctx, token)
	if t, is := token.(*mqtt.SubscribeToken); is && t.Result()[w.Filter] == refused || err != nil {
		return only(failure("allow it in the broker's access list, by user or by client id; deploy/mosquitto has one",
			"%s lets %s in, and refuses the subscription to %s", w, w.user(), w.Filter))
	}
	remark := ""
	if w.Username != "" && w.Username != device {
		remark = fmt.Sprintf("; access lists as in deploy/mosquitto want device.id %s as the user's name", device)
	}
	return only(ok("%s lets %s in, and accepts the subscription to %s%s", w, w.user(), w.Filter, remark))
}

// refused is the return code of a subscription that is (MQTT 3.1.1, section 3.9.3).
const refused = 0x80

var errSilent = errors.New("no answer")

// waitFor gives a step as long as the ones before it had.
func waitFor(ctx context.Context, t mqtt.Token) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return errSilent
	}
}

func (w *way) user() string {
	if w.Username != "" {
		return fmt.Sprintf("user %q", w.Username)
	}
	return "a client without a user name"
}

// refusal says why a broker did not let the client in.
func (w *way) refusal(err error) Finding {
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return failure(fmt.Sprintf("correct %s.username and its password, here or at the broker", w.Table), "%s does not let %s in: %v", w, w.user(), err)
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return failure("look at the broker's log", "%s is there, and does not take clients now", w)
	case errors.Is(err, errSilent):
		return failure("see what listens there: is it MQTT, and does it want TLS (ssl://)?", "%s accepts the connection and says nothing", w)
	case strings.Contains(err.Error(), "certificate required"), strings.Contains(err.Error(), "bad certificate"), strings.Contains(err.Error(), "unknown certificate"):
		return failure(fmt.Sprintf("set %s.cert_file and %s.key_file to what the broker's authority signed", w.Table, w.Table), "%s does not accept this device's certificate: %v", w, err)
	case w.encrypted() && (strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "broken pipe")):
		// What TLS 1.3 says of a missing certificate can be lost: the client may write first.
		return failure(fmt.Sprintf("if the broker asks for a certificate, set %s.cert_file and %s.key_file; see its log", w.Table, w.Table), "%s ends the connection once TLS stands: %v", w, err)
	}
	return failure("see what listens there, and the broker's log: is it MQTT, and does it want TLS (ssl://)?", "%s: %v", w, err)
}
