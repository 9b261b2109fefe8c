package daemon

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api/apitest"
)

const token = "0123456789abcdef-test"

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// overTCP is a daemon with the API open on a port.
func overTCP(t *testing.T) (cfg Config, client *http.Client, log *lockedBuffer) {
	t.Helper()
	cfg = testConfig(t)
	dir := filepath.Dir(cfg.API.Socket)
	pool := apitest.Certify(t, dir)
	cfg.API.Listen = freePort(t)
	cfg.API.CertFile, cfg.API.KeyFile, cfg.API.TokensFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "tokens")
	if err := os.WriteFile(cfg.API.TokensFile, []byte("# of the test\n"+token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log = &lockedBuffer{}
	serve(t, cfg, Options{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(client.CloseIdleConnections)
	return cfg, client, log
}

func TestTCPNeedsATokenAndKeepsTheDeviceToItself(t *testing.T) {
	t.Parallel()
	cfg, client, log := overTCP(t)
	for _, c := range []struct {
		method, path, authorization string
		status                      int
	}{
		{"POST", "/v1/chat/completions", "Bearer " + token, 200},
		{"GET", "/v1/models", "bearer " + token, 200},
		{"GET", "/v1/models", "", 401},
		{"GET", "/v1/models", "Bearer", 401},
		{"GET", "/v1/models", "Bearer " + token + "x", 401},
		{"GET", "/v1/models", "Basic " + token, 401},
		{"POST", "/v1/chat/completions", "Bearer # of the test", 401},
		{"GET", "/v1/cusp/status", "Bearer " + token, 404},
		{"GET", "/v1/cusp/answers/x", "Bearer " + token, 404},
		{"GET", "/metrics", "Bearer " + token, 404},
		{"GET", "/v1/nothing", "Bearer " + token, 404},
	} {
		r, err := http.NewRequest(c.method, "https://"+cfg.API.Listen+c.path, strings.NewReader(`{"messages":[{"role":"user","content":"x"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", c.authorization)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || (c.status == 401) != (resp.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s with %q: %s, %s", c.path, c.authorization, resp.Status, body)
		}
	}
	if strings.Contains(log.text(), token) {
		t.Error("a token is in the log")
	}
	// Without TLS there is nothing.
	if resp, err := http.Get("http://" + cfg.API.Listen + "/v1/models"); err == nil && resp.StatusCode != 400 {
		t.Errorf("plain HTTP: %s", resp.Status)
	}
}

// Tokens and certificates change without a restart, and what is broken changes
// nothing.
func TestTCPReadsItsFilesAgain(t *testing.T) {
	t.Parallel()
	cfg, client, log := overTCP(t)
	get := func(token string) int {
		r, _ := http.NewRequest("GET", "https://"+cfg.API.Listen+"/v1/models", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	const next = "another-token-0123456789"
	write := func(text string, minutes int) {
		if err := os.WriteFile(cfg.API.TokensFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(minutes) * time.Minute) // whatever the clock's resolution
		if err := os.Chtimes(cfg.API.TokensFile, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("short\n", 1)
	until(t, "the refusal of a broken file", func() bool { get(token); return strings.Contains(log.text(), "line 1") })
	if get(token) != 200 {
		t.Error("a broken file took the token away")
	}
	write(next+"\n", 2)
	until(t, "the new token", func() bool { return get(next) == 200 })
	if get(token) != 401 {
		t.Error("the old token is still good")
	}
	before := log.text()
	if strings.Contains(before, next) || strings.Contains(before, token) {
		t.Error("a token is in the log")
	}
}

func TestTCPIsRefusedWithoutProtection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config, string)
		says   string
	}{
		"no tokens":      {func(c *Config, _ string) { c.API.TokensFile = "" }, "api.tokens_file"},
		"no certificate": {func(c *Config, _ string) { c.API.CertFile = "" }, "api.cert_file"},
		"no key":         {func(c *Config, _ string) { c.API.KeyFile = "" }, "api.key_file"},
		"two keys":       {func(c *Config, _ string) { c.API.KeyCredential = "x" }, "api.key_file"},
		"no port":        {func(c *Config, _ string) { c.API.Listen = "localhost" }, "api.listen"},
		"an empty file":  {func(c *Config, _ string) { overwrite(t, c.API.TokensFile, "# none\n", 0o600) }, "no token"},
		"a public file":  {func(c *Config, _ string) { overwrite(t, c.API.TokensFile, token, 0o644) }, "everybody"},
		"a foreign key": {func(c *Config, dir string) {
			keep := c.API.CertFile
			moved(t, keep)
			apitest.Certify(t, dir)
			restored(t, keep)
		}, "private key"},
		"no such file":    {func(c *Config, _ string) { c.API.TokensFile += "x" }, "no such file"},
		"a short token":   {func(c *Config, _ string) { overwrite(t, c.API.TokensFile, "secret-word", 0o600) }, "at least 16"},
		"no credential":   {func(c *Config, _ string) { c.API.TokensFile, c.API.TokensCredential = "", "tokens" }, "LoadCredential=tokens"},
		"an address gone": {func(c *Config, _ string) { c.API.Listen = "192.0.2.1:1" }, "listen"},
	} {
		cfg := testConfig(t)
		dir := filepath.Dir(cfg.API.Socket)
		apitest.Certify(t, dir)
		cfg.API.Listen, cfg.API.CertFile, cfg.API.KeyFile = freePort(t), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		cfg.API.TokensFile = filepath.Join(dir, "tokens")
		overwrite(t, cfg.API.TokensFile, token, 0o600)
		c.change(&cfg, dir)
		err := Serve(t.Context(), cfg, Options{loader: &fakeLoader{}})
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret-word") || strings.Contains(err.Error(), token) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func overwrite(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	_ = os.Remove(path)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func moved(t *testing.T, path string) {
	t.Helper()
	if err := os.Rename(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
}

func restored(t *testing.T, path string) {
	t.Helper()
	if err := os.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
}

// Beyond the bound a connection is told so, on the socket as over TCP, and one
// that is free again serves.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.API.MaxConnections = 8
	serve(t, cfg, Options{})
	var open []net.Conn
	for range cfg.API.MaxConnections {
		conn, err := net.Dial("unix", cfg.API.Socket)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
		defer conn.Close()
	}
	get := func() (int, string) {
		client := socketClient(t, cfg.API.Socket)
		defer client.CloseIdleConnections()
		resp, err := client.Get("http://cusp/healthz")
		if err != nil {
			return 0, fmt.Sprint(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header.Get("Retry-After") + string(text)
	}
	var code int
	var text string
	until(t, "the refusal", func() bool { code, text = get(); return code == 503 })
	if !strings.HasPrefix(text, "1") || !strings.Contains(text, "too_many_connections") {
		t.Errorf("%q", text)
	}
	open[0].Close()
	open[1].Close()
	until(t, "room", func() bool { code, _ = get(); return code == 200 })
}
