package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/match"
	"github.com/a472be26/cusp/router/privacy"
	"github.com/a472be26/cusp/router/record"
)

// tap is a relay in front of a broker that keeps every byte, in both directions.
type tap struct {
	mu   sync.Mutex // guards seen
	seen bytes.Buffer
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

func (p *tap) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.seen.Bytes())
}

// startTap relays connections to address and returns where it listens.
func startTap(t *testing.T, address string) (*tap, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &tap{}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", address)
			if err != nil {
				_ = in.Close()
				continue
			}
			go relay(io.MultiWriter(out, p), in, out)
			go relay(io.MultiWriter(in, p), out, in)
		}
	}()
	return p, l.Addr().String()
}

func relay(to io.Writer, from, other net.Conn) {
	_, _ = io.Copy(to, from)
	_ = from.Close()
	_ = other.Close()
}

// noCanary fails the test for every canary in what was written or sent.
func noCanary(t *testing.T, where string, content []byte, canaries []string) {
	t.Helper()
	for _, c := range canaries {
		if bytes.Contains(bytes.ToLower(content), []byte(strings.ToLower(c))) {
			t.Errorf("%q is in %s", c, where)
		}
	}
}

// searchFiles reads everything below dir, but for what skip names.
func searchFiles(t *testing.T, dir, skip string, canaries []string) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || filepath.Base(filepath.Dir(path)) == skip {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // done with meanwhile
		}
		files++
		noCanary(t, path, text, canaries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Of private questions nothing, and of values that are redacted no value, is in a
// packet, record, log, metric, status or training file; and the askers see nothing of
// all that.
func TestNothingPrivateLeavesOrIsKept(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	address := freePort(t)
	startBroker(t, address)
	packets, relayed := startTap(t, address)
	cfg.Cloud.Broker = "tcp://" + relayed
	cfg.Privacy.IBAN = privacy.Keep
	cfg.Privacy.Rules = []privacy.Rule{{Name: "fish", Rule: match.Rule{Words: []string{"zebrafish"}}}, {Name: "vault", Rule: match.Rule{Tool: []string{"read_vault"}}}}
	logs := &tap{} // takes logs as well as packets
	c, stop := serve(t, cfg, Options{Log: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	worker := cfg
	worker.Cloud.Broker = "tcp://" + address
	startWorker(t, worker)

	canaries := []string{"canary-flagged", "canary-ruled", "canary-history", "canary-banked", "canary.person@example.org", "canary-Pass-77", "Cordelia Canary", "4155550132", "415-555-0132"}
	flagged := ask("private canary-flagged")
	flagged.Privacy = router.Private
	history := router.Question{Messages: []router.Message{
		{Role: "user", Content: "canary-history please"},
		{Role: "assistant", ToolCalls: []router.ToolCall{{ID: "c1", Name: "read_vault", Arguments: `{"x":"canary-history"}`}}},
		{Role: "tool", ToolCallID: "c1", Content: "canary-history"},
		{Role: "user", Content: "and now?"},
	}}
	for name, x := range map[string]struct {
		q      router.Question
		route  router.Route
		reason router.Reason
		text   string
	}{
		"flagged": {flagged, router.RouteProvisional, router.ReasonPrivate, "built-in "},
		"ruled":   {ask("the ZEBRAFISH is canary-ruled"), router.RouteProvisional, router.ReasonPrivateRule, "built-in "},
		"history": {history, router.RouteProvisional, router.ReasonPrivateRule, "built-in "},
		"data":    {ask("canary-banked DE89 3704 0044 0532 0130 00"), router.RouteProvisional, router.ReasonPrivateData, "built-in "},
		"redacted": {ask("my name is Cordelia Canary, mail canary.person@example.org, password: canary-Pass-77, phone 415-555-0132; <EMAIL_1> stays"),
			router.RouteCloud, router.ReasonUncalibrated, "big says my name is Cordelia Canary, mail canary.person@example.org, password: canary-Pass-77, phone 415-555-0132; <EMAIL_1> stays"},
	} {
		x.q.ID = name
		shown := ""
		a, err := c.Ask(t.Context(), x.q, func(piece string) error { shown += piece; return nil })
		if err != nil || a.Receipt.Route != x.route || a.Receipt.Reason != x.reason || a.Text != x.text || shown != x.text {
			t.Errorf("%s: answer %+v, shown %q, error %v", name, a, shown, err)
		}
		if got := a.Receipt.Redactions; (len(got) == 4) != (name == "redacted") || name == "redacted" && (got["email"] != 1 || got["secret"] != 1 || got["phone"] != 1 || got["name"] != 1) {
			t.Errorf("%s: redactions %v", name, got)
		}
		if e, err := c.Why(t.Context(), name); err != nil || e.Text != x.text {
			t.Errorf("%s: the asker finds %+v, %v", name, e, err)
		}
	}
	metrics, err := socketClient(t, cfg.API.Socket).Get("http://cusp/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(metrics.Body)
	metrics.Body.Close()
	var status json.RawMessage
	if err := c.Status(t.Context(), &status); err != nil {
		t.Fatal(err)
	}
	noCanary(t, "the metrics", text, canaries)
	noCanary(t, "the status", status, canaries)
	until(t, "the end of all questions", func() bool {
		var s Status
		return c.Status(t.Context(), &s) == nil && s.Link.Outbox == 0
	})
	stop()
	if sent := packets.bytes(); !bytes.Contains(sent, []byte("EMAIL_2")) || !bytes.Contains(sent, []byte("SECRET_1")) {
		t.Errorf("no placeholder was sent: %d bytes", len(sent))
	} else {
		noCanary(t, "a packet", sent, canaries)
	}
	noCanary(t, "the log", logs.bytes(), canaries)
	if n := searchFiles(t, filepath.Dir(cfg.State.Dir), "", canaries); n < 2 {
		t.Errorf("only %d files were searched", n)
	}
	lessons := exported(t, cfg)
	noCanary(t, "the training file", lessons, canaries)
	if !bytes.Contains(lessons, []byte("<EMAIL_2>")) || bytes.Count(lessons, []byte("\n")) != 1 {
		t.Errorf("training file: %s", lessons)
	}
}

// exported is what the records give to training.
func exported(t *testing.T, cfg Config) []byte {
	t.Helper()
	log, err := record.Open(filepath.Join(cfg.State.Dir, "records"), record.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var out bytes.Buffer
	if _, err := log.Export(&out, record.ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The answer to a question that was redacted comes after a restart: it is restored
// all the same, the values were in the vault only, and they are gone then.
func TestLateAnswerIsRestoredAfterARestart(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	address := freePort(t)
	cfg.Cloud.Broker = "tcp://" + address
	c, stop := serve(t, cfg, Options{})
	q := ask("write to canary.person@example.org")
	q.ID, q.Deadline = "late1", time.Now().Add(200*time.Millisecond)
	if a, err := c.Ask(t.Context(), q, nil); err != nil || a.Receipt.Reason != router.ReasonDeadline || a.Receipt.Redactions["email"] != 1 {
		t.Fatalf("answer %+v, %v", a, err)
	}
	stop()
	vault := filepath.Join(cfg.State.Dir, "vault", "late1.json")
	if text, err := os.ReadFile(vault); err != nil || !bytes.Contains(text, []byte("canary.person")) {
		t.Fatalf("vault has %s, %v", text, err)
	}
	searchFiles(t, cfg.State.Dir, "vault", []string{"canary.person"})

	c, _ = serve(t, cfg, Options{})
	startBroker(t, address)
	startWorker(t, cfg)
	until(t, "the late answer", func() bool {
		e, err := c.Why(t.Context(), "late1")
		return err == nil && e.Text == "big says write to canary.person@example.org" && e.Receipt.Redactions["email"] == 1
	})
	until(t, "the end of the vault's file", func() bool {
		_, err := os.Stat(vault)
		return errors.Is(err, fs.ErrNotExist)
	})
	searchFiles(t, cfg.State.Dir, "", []string{"canary.person"})
}

// A vault that cannot be written keeps the question on the device.
func TestWithoutAVaultNothingLeaves(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	address := freePort(t)
	startBroker(t, address)
	packets, relayed := startTap(t, address)
	cfg.Cloud.Broker = "tcp://" + relayed
	c, _ := serve(t, cfg, Options{})
	vault := filepath.Join(cfg.State.Dir, "vault")
	if err := errors.Join(os.RemoveAll(vault), os.WriteFile(vault, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	a, err := c.Ask(t.Context(), ask("write to canary.person@example.org"), nil)
	if err != nil || a.Receipt.Route != router.RouteProvisional || a.Receipt.Reason != router.ReasonUnredacted || len(a.Receipt.Redactions) != 0 {
		t.Errorf("answer %+v, %v", a, err)
	}
	noCanary(t, "a packet", packets.bytes(), []string{"canary", "EMAIL"})
}

func TestRecordsAsConsented(t *testing.T) {
	t.Parallel()
	for choice, want := range map[string]string{recordAll: "built-in hi", recordMetadata: " ", recordOff: ""} {
		cfg := testConfig(t)
		cfg.State.Records = choice
		c, stop := serve(t, cfg, Options{})
		q := ask("hi")
		q.ID = "q1"
		if _, err := c.Ask(t.Context(), q, nil); err != nil {
			t.Fatal(err)
		}
		stop()
		dir := filepath.Join(cfg.State.Dir, "records")
		if choice == recordOff {
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("records are off, and there is %s: %v", dir, err)
			}
			continue
		}
		log, err := record.Open(dir, record.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		e, found, err := log.Get("q1")
		got := e.Answer
		if len(e.Question.Messages) > 0 {
			got += e.Question.Messages[0].Content
		}
		if strings.TrimSpace(got) != strings.TrimSpace(want) || !found || err != nil || e.Receipt.Route != router.RouteProvisional {
			t.Errorf("%s: %+v, %v", choice, e, err)
		}
	}
}
