//go:build e2e

package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/infer/modeltest"
	"github.com/a472be26/cusp/router"
)

// descriptors is how many files the daemon has open.
func (d *device) descriptors() int {
	d.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.process.Process.Pid))
	must(d.t, err)
	return len(all)
}

// peak is the most memory that the daemon has had, in bytes.
func (d *device) peak() (n int) {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.process.Process.Pid))
	must(d.t, err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	_, err = fmt.Sscan(rest, &n)
	must(d.t, err)
	return n * 1024
}

// dial is a connection to the socket that lasts no longer than the test.
func (d *device) dial() *net.UnixConn {
	d.t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: d.socket, Net: "unix"})
	must(d.t, err)
	d.t.Cleanup(func() { conn.Close() })
	must(d.t, conn.SetDeadline(time.Now().Add(2*time.Minute)))
	return conn
}

// Ten thousand connections find a limit that answers, and leave nothing behind.
func TestTenThousandConnections(t *testing.T) {
	t.Parallel()
	const connections, limit, dialers = 10_000, 1024, 100
	d := start(t, setup{})
	base := d.descriptors()
	var mu sync.Mutex
	got, most := map[string]int{}, 0
	var open []net.Conn
	var running sync.WaitGroup
	for range dialers {
		running.Go(func() {
			for range connections / dialers {
				conn, what := greet(d.socket)
				mu.Lock()
				got[what]++
				if conn != nil {
					open = append(open, conn)
				}
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	for watching := true; watching; {
		select {
		case <-done:
			watching = false
		case <-time.After(20 * time.Millisecond):
		}
		most = max(most, d.descriptors())
	}
	t.Logf("%v; at most %d descriptors", got, most)
	if got["200"] == 0 || got["200"] > limit || got["503"] == 0 || most > base+limit+2*64+8 { // 64 are told at a time
		t.Errorf("%v; %d descriptors, %d before", got, most, base)
	}
	for _, conn := range open {
		conn.Close()
	}
	d.until("all connections are closed", func() bool { return d.descriptors() <= base+4 })
	if _, err := d.client.Ask(t.Context(), question(""), nil); err != nil {
		t.Errorf("ask after the flood: %v", err)
	}
}

// greet asks for the health on a connection of its own, which stays open if there is
// an answer of 200.
func greet(socket string) (net.Conn, string) {
	conn, err := net.Dial("unix", socket)
	if errors.Is(err, syscall.EAGAIN) {
		return nil, "queue full"
	}
	if err != nil {
		return nil, err.Error()
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: cusp\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil && resp.StatusCode == http.StatusOK {
		return conn, "200"
	}
	conn.Close()
	if err != nil {
		return nil, "closed"
	}
	return nil, resp.Status[:3]
}

func question(id string) router.Question {
	return router.Question{ID: id, Messages: []router.Message{{Role: "user", Content: "turn on the kitchen light"}}}
}

// A body of 100 MB is refused, said in advance or not, before it is in memory.
func TestHundredMegabytes(t *testing.T) {
	t.Parallel()
	const size = 100 << 20
	d := start(t, setup{})
	before := d.peak()
	piece := bytes.Repeat([]byte("a"), 1<<16)
	for name, c := range map[string]struct{ header, frame string }{
		"said":    {fmt.Sprintf("Content-Length: %d\r\n\r\n", size), "%s"},
		"chunked": {"Transfer-Encoding: chunked\r\n\r\n", "10000\r\n%s\r\n"},
	} {
		conn := d.dial()
		go func() {
			_, err := io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: cusp\r\n"+c.header)
			for sent := 0; sent < size && err == nil; sent += len(piece) {
				_, err = fmt.Fprintf(conn, c.frame, piece)
			}
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %+v, %v", name, resp, err)
		}
	}
	if grown := d.peak() - before; grown > 32<<20 {
		t.Errorf("it took %d MB of memory", grown>>20)
	}
}

// What is no request is refused with a reason, and what is a large one is bounded
// by the model.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	d := start(t, setup{model: modeltest.Small().Chat(t)})
	client := d.http()
	const one = `"messages":[{"role":"user","content":"x"}]`
	for name, body := range map[string]string{
		"deep":               `{"messages":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + `}`,
		"deep and open":      strings.Repeat(`{"a":`, 200_000),
		"not UTF-8":          "{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}",
		"NaN":                `{` + one + `,"temperature":NaN}`,
		"Infinity":           `{` + one + `,"top_p":-Infinity}`,
		"more than a double": `{` + one + `,"temperature":1e999}`,
		"tokens":             `{` + one + `,"max_tokens":9223372036854775807}`,
		"more than 64 bits":  `{` + one + `,"max_tokens":92233720368547758070}`,
		"no tokens":          `{` + one + `,"max_tokens":-1}`,
		"choices":            `{` + one + `,"n":1000000}`,
		"empty":              ``,
		"zeros":              strings.Repeat("\x00", 1000),
		"deep schema":        `{` + one + `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":` + strings.Repeat(`{"items":`, 90) + `{"magic":1}` + strings.Repeat(`}`, 90) + `}}}`,
	} {
		resp, err := client.Post("http://cusp/v1/chat/completions", "application/json", strings.NewReader(body))
		must(t, err)
		refused := &api.Error{}
		err = json.NewDecoder(resp.Body).Decode(refused)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || err != nil || refused.Message == "" || len(refused.Message) > 2000 {
			t.Errorf("%s: %s, %+v, %v", name, resp.Status, refused, err)
		}
	}
	q := question("")
	q.Options.MaxTokens, q.Options.IgnoreEOS = 1<<20, true // all that may be asked
	a, err := d.client.Ask(t.Context(), q, nil)
	if err != nil || a.Finish != "length" || a.Receipt.PromptTokens+a.Receipt.CompletionTokens > d.status().Engine.Context {
		t.Errorf("the longest answer: %+v, %v", a.Receipt, err)
	}
}

// Clients that send or read too slowly are let go, and one that closes its side has
// left.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	d := start(t, setup{model: randomModel(t)})
	base := d.descriptors()
	body := `{"messages":[{"role":"user","content":"x"}],"stream":true,"max_tokens":3000,"ignore_eos":true,"logprobs":true,"top_logprobs":20}`
	request := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: cusp\r\nContent-Length: %d\r\n\r\n%s", len(body), body)

	// 1. Half-closed: an answer is begun, and given up.
	half := d.dial()
	_, err := io.WriteString(half, request)
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(half), nil) // comes with the first token
	must(t, err)
	must(t, half.CloseWrite())
	d.until("the answer is given up", func() bool { return d.status().Engine.Running == 0 })
	if text, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("what was sent looks like a whole answer: it ends with %q, %v", text[max(0, len(text)-100):], err)
	}

	// 2. One that drips its header, one whose body does not come, and one that reads nothing.
	drip, stuck, deaf := d.dial(), d.dial(), d.dial()
	go func() {
		for _, err := io.WriteString(drip, "GET /healthz HTTP/1.1\r\n"); err == nil; _, err = io.WriteString(drip, "X-A: b\r\n") {
			time.Sleep(500 * time.Millisecond)
		}
	}()
	_, err = io.WriteString(stuck, request[:len(request)-1])
	must(t, err)
	must(t, deaf.SetReadBuffer(4096))
	_, err = io.WriteString(deaf, request)
	must(t, err)
	// 3. Two whose body nobody wants, one of them of a stranger.
	unread := d.dial()
	_, err = io.WriteString(unread, "POST /v1/nothing HTTP/1.1\r\nHost: cusp\r\nContent-Length: 10\r\n\r\n")
	must(t, err)
	stranger, err := tls.Dial("tcp", d.tcp, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer stranger.Close()
	must(t, stranger.SetDeadline(time.Now().Add(2*time.Minute)))
	_, err = io.WriteString(stranger, "POST /v1/chat/completions HTTP/1.1\r\nHost: cusp\r\nContent-Length: 10\r\n\r\n")
	must(t, err)
	for name, conn := range map[string]net.Conn{"drip": drip, "stuck": stuck, "unread": unread, "stranger": stranger} {
		if text, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) || bytes.Contains(text, []byte("200 OK")) {
			t.Errorf("%s: it goes on: %q, %v", name, text, err)
		}
	}
	d.within(2*time.Minute, "nothing is left of them", func() bool { return d.status().Engine.Running == 0 && d.descriptors() <= base+2 })
}

// With no room for records, questions are answered all the same, and are recorded
// again when there is.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := start(t, setup{hold: true})
	must(t, os.MkdirAll(d.path("state"), 0o700))
	if err := syscall.Mount("tmpfs", d.path("state"), "tmpfs", 0, "size=1m"); err != nil {
		t.Fatalf("mount a small disk, which needs root: %v", err)
	}
	t.Cleanup(func() { must(t, errors.Join(syscall.Unmount(d.path("state"), syscall.MNT_DETACH))) })
	d.serve()
	fill := d.path("state/fill")
	if err := os.WriteFile(fill, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	ask := func(id string) {
		t.Helper()
		if a, err := d.client.Ask(t.Context(), question(id), nil); err != nil || a.Receipt.Route != router.RouteLocal {
			t.Errorf("%s: %+v, %v", id, a, err)
		}
	}
	for i := range 20 { // some more than what is left of a block
		ask(fmt.Sprint("full-", i))
	}
	d.until("the log says so", func() bool { return strings.Contains(d.log.String(), "answer was not recorded") })
	must(t, os.Remove(fill))
	ask("room")
	d.kill()
	d.serve()
	if _, err := d.client.Why(t.Context(), "room"); err != nil {
		t.Errorf("with room again: %v", err)
	}
	var refused *api.Error
	if _, err := d.client.Why(t.Context(), "full-19"); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("what was not recorded: %v", err)
	}
}

// Whatever moment SIGKILL comes at, each answer that a client has to its end is
// found afterwards, and the daemon starts again.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const kills, clients = 10, 4
	d := start(t, setup{})
	rng := rand.New(rand.NewPCG(1, 2))
	var answered []string
	for round := range kills {
		var mu sync.Mutex
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for c := range clients {
			running.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("k-%d-%d-%d", round, c, i)
					if _, err := d.client.Ask(ctx, question(id), nil); err != nil {
						return // it was killed
					}
					mu.Lock()
					answered = append(answered, id)
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(20+rng.IntN(300)) * time.Millisecond)
		d.kill()
		cancel()
		running.Wait()
		d.serve()
	}
	if len(answered) < kills {
		t.Fatalf("only %d answers", len(answered))
	}
	for _, id := range answered[max(0, len(answered)-200):] {
		if e, err := d.client.Why(t.Context(), id); err != nil || e.Text == "" {
			t.Errorf("%s is lost: %+v, %v", id, e, err)
		}
	}
	t.Logf("%d answers, %d kills", len(answered), kills)
}

// Short of memory, a real daemon refuses and says when to come again; how much is
// to be left changes while it runs.
func TestShortOfMemory(t *testing.T) {
	t.Parallel()
	const reserve = "memory_reserve = 1000000000000"
	d := start(t, setup{more: "[service]\n" + reserve + "\n"})
	resp, err := d.http().Post("http://cusp/v1/chat/completions", "application/json", strings.NewReader(`{"messages":[{"role":"user","content":"x"}]}`))
	must(t, err)
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "memory_pressure") {
		t.Errorf("%s, %s", resp.Status, text)
	}
	conf, err := os.ReadFile(d.path("cusp.toml"))
	must(t, err)
	must(t, os.WriteFile(d.path("cusp.toml"), []byte(strings.Replace(string(conf), reserve, "memory_reserve = 0", 1)), 0o600))
	must(t, d.process.Process.Signal(syscall.SIGHUP))
	d.until("it answers again", func() bool { _, err := d.client.Ask(t.Context(), question(""), nil); return err == nil })
}
