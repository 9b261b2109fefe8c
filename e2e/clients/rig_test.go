//go:build e2e

package clients

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/api/apitest"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/packaging/linux"
)

const token = "a-token-of-the-tests-0123456789"

// device is a `cusp serve` of its own, with what a client has to know of it.
type device struct {
	t       *testing.T
	dir     string // short: the paths of sockets are limited
	socket  string
	tcp     string // host:port, with TLS
	process *exec.Cmd
	client  *api.Client
	log     log
}

// log is what a daemon said.
type log struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// setup is what a device of a test is like.
type setup struct {
	model []byte // in place of the student; a tiny BERT beside it makes vectors
	more  string // of the configuration, after everything else
	api   string // of the configuration's [api]
	hold  bool   // it is not started yet
}

// cusp is the program, built once for all tests.
var cusp = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cusp-clients-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cusp")
	return path, linux.BuildDaemon(context.Background(), "../..", runtime.GOARCH, "0.0.1", path)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := cusp(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// start configures a device and starts it; it is killed when the test ends.
func start(t *testing.T, s setup) *device {
	t.Helper()
	dir, err := os.MkdirTemp("", "cusp-clients-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &device{t: t, dir: dir, socket: filepath.Join(dir, "s"), tcp: freePort(t)}
	d.client = api.NewClient(d.socket)
	t.Cleanup(d.client.Close)
	apitest.Certify(t, dir)
	must(t, os.WriteFile(d.path("tokens"), []byte(token+"\n"), 0o600))
	must(t, os.MkdirAll(d.path("models"), 0o755))
	more := ""
	if s.model != nil {
		must(t, os.WriteFile(d.path("models/random.gguf"), s.model, 0o600))
		modeltest.Encoder(t, "../../infer/model/testdata/bert", d.path("bert"))
		more = fmt.Sprintf("allow_unsigned = true\n[embeddings]\nmodel = %q\n", d.path("bert"))
	}
	must(t, os.WriteFile(d.path("cusp.toml"), fmt.Appendf(nil, `[device]
id = "clients"
[api]
socket = %q
listen = %q
cert_file = %q
key_file = %q
tokens_file = %q
%s
[state]
dir = %q
[log]
level = "warn"
[model]
dir = %q
%s%s`, d.socket, d.tcp, d.path("cert.pem"), d.path("key.pem"), d.path("tokens"), s.api, d.path("state"), d.path("models"), more, s.more), 0o600))
	if !s.hold {
		d.serve()
	}
	return d
}

// randomModel is large enough that a client can leave in the middle of an answer.
func randomModel(t *testing.T) []byte {
	shape := modeltest.Small()
	shape.Dim, shape.Layers, shape.FFN, shape.Heads, shape.KVHeads, shape.HeadDim, shape.Context = 512, 8, 1536, 8, 4, 64, 4096
	return shape.Chat(t)
}

func (d *device) path(name string) string { return filepath.Join(d.dir, name) }

// serve starts the daemon and waits until it answers.
func (d *device) serve() {
	d.t.Helper()
	program, err := cusp()
	must(d.t, err)
	d.process = exec.Command(program, "serve", "--config", d.path("cusp.toml"))
	out := io.MultiWriter(d.t.Output(), &d.log)
	d.process.Stdout, d.process.Stderr = out, out
	must(d.t, d.process.Start())
	d.t.Cleanup(d.kill)
	d.until("the daemon is ready", func() bool { return d.client.Health(context.Background()) == nil })
}

// kill ends the daemon without a warning.
func (d *device) kill() {
	if d.process.ProcessState == nil {
		_ = d.process.Process.Kill()
		_ = d.process.Wait() // "signal: killed"
	}
}

// http is an HTTP client of the socket.
func (d *device) http() *http.Client {
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", d.socket)
	}}}
	d.t.Cleanup(c.CloseIdleConnections)
	return c
}

func (d *device) status() (s daemon.Status) {
	d.t.Helper()
	must(d.t, d.client.Status(d.t.Context(), &s))
	return s
}

// until waits for something to be so.
func (d *device) until(what string, reached func() bool) {
	d.t.Helper()
	d.within(time.Minute, what, reached)
}

func (d *device) within(most time.Duration, what string, reached func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(most); !reached(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("not within %v: %s; status %+v", most, what, d.status())
		}
	}
}

// freePort is an address on which nothing listens yet.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}
