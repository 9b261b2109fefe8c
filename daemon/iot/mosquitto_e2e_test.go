//go:build e2e

package iot

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startMosquitto runs the broker that most devices meet; the test fails where
// it is not installed.
func startMosquitto(t *testing.T) string {
	t.Helper()
	address := freePort(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "mosquitto.conf")
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\n", port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("mosquitto")
	if err != nil { // Debian installs it where only root looks
		path = "/usr/sbin/mosquitto"
	}
	var log strings.Builder
	cmd := exec.Command(path, "-c", config)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start mosquitto (apt install mosquitto): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("mosquitto: %s", log.String())
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(end) {
			t.Fatalf("mosquitto does not listen: %v", err)
		}
	}
}

func TestMosquittoQuestionAndAnswer(t *testing.T) {
	address := startMosquitto(t)
	open(t, address, answerFunc(echo), nil)
	app := newApp(t, address)
	app.status(`{"online":true}`)
	app.ask(`{"id":"q1","prompt":"turn it on"}`)
	if got := app.next(); got.Content != "turn it on" {
		t.Errorf("answer %+v", got)
	}
}

func TestMosquittoDeliversAgainAfterACrash(t *testing.T) {
	unansweredComesAgain(t, startMosquitto(t))
}

// A device that loses its connection without a word is shown as offline.
func TestMosquittoLastWill(t *testing.T) {
	address := startMosquitto(t)
	through := startProxy(t, address)
	open(t, through.address, answerFunc(echo), nil)
	app := newApp(t, address)
	app.status(`{"online":true}`)
	through.cut()
	app.status(offline)
	app.status(`{"online":true}`) // it came back by itself
}

// proxy is a TCP relay whose connections can be cut.
type proxy struct {
	address string
	open    chan net.Conn
}

func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{address: l.Addr().String(), open: make(chan net.Conn, 100)}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.open <- in
			p.open <- out
			go relay(in, out)
			go relay(out, in)
		}
	}()
	return p
}

func relay(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

// cut resets all connections that are open.
func (p *proxy) cut() {
	for {
		select {
		case conn := <-p.open:
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		default:
			return
		}
	}
}
