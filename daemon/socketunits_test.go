package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteSocketUnits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		api, metrics string
		want         map[string]string // a part of each file
	}{
		"neither":         {"", "", nil},
		"an address":      {"127.0.0.1:8443", "", map[string]string{"cusp-tcp.socket": "\nListenStream=127.0.0.1:8443\n", "cusp.service.d/sockets.conf": "[Service]\nSockets=cusp-tcp.socket\n"}},
		"IPv6":            {"[::1]:8443", "", map[string]string{"cusp-tcp.socket": "\nListenStream=[::1]:8443\n", "cusp.service.d/sockets.conf": "cusp-tcp"}},
		"every address":   {"", ":9090", map[string]string{"cusp-metrics.socket": "\nListenStream=9090\n", "cusp.service.d/sockets.conf": "cusp-metrics"}},
		"both, by a name": {"127.0.0.1:1", "localhost:9090", map[string]string{"cusp-tcp.socket": "\nFileDescriptorName=cusp-tcp\n", "cusp-metrics.socket": ":9090\n", "cusp.service.d/sockets.conf": "Sockets=cusp-tcp.socket\nSockets=cusp-metrics.socket\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, dir := DefaultConfig(), t.TempDir()
			cfg.API.Listen, cfg.Metrics.Listen = c.api, c.metrics
			if err := WriteSocketUnits(cfg, dir); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(dir, "*")) // the pattern is well formed
			if len(files) != len(c.want) {
				t.Errorf("files %v", files)
			}
			for file, part := range c.want {
				if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(text), part) {
					t.Errorf("%s: %q, %v; want %q", file, text, err, part)
				}
			}
		})
	}
}

// A service in two processes says what is missing where systemd passed no socket
// for TCP; it must not listen where nobody can come.
func TestTCPWithoutANetwork(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := &device{passed: passedSockets{api: l}}
	d.cfg.Link.Socket = "/run/cusp-link/link.sock"
	if _, err := d.openTCP("api.listen", "cusp-tcp.socket", "127.0.0.1:0", nil); err == nil || !strings.Contains(err.Error(), "daemon-reload") {
		t.Errorf("error %v", err)
	}
	if got, err := d.openTCP("api.listen", "cusp-tcp.socket", "127.0.0.1:0", l); err != nil || got != l {
		t.Errorf("the passed socket: %v, %v", got, err)
	}
}

func TestLinkNeeds(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.API.KeyFile, cfg.API.TokensCredential = "/api", "tokens" // the engine's
	cfg.Cloud.PasswordFile, cfg.Cloud.CAFile, cfg.IoT.PasswordFile = "/etc/cusp/p", "/ca", "/etc/cusp/p"
	cfg.Cloud.KeyCredential, cfg.IoT.PasswordCredential = "key", "mqtt"
	if got, want := cfg.LinkNeeds(), "credential\tkey\ncredential\tmqtt\nfile\t/ca\nfile\t/etc/cusp/p\n"; got != want {
		t.Errorf("needs %q, want %q", got, want)
	}
}
