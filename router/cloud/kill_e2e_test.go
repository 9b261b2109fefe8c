//go:build e2e

package cloud_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/router/cloud"
	"github.com/a472be26/cusp/router/uplink"
)

// killedEnv has the broker's address and a directory where this test binary is the
// worker to be killed.
const killedEnv = "CUSP_TEST_KILLED_WORKER"

func TestMain(m *testing.M) {
	if text := os.Getenv(killedEnv); text != "" {
		address, dir, _ := strings.Cut(text, " ")
		workForever(address, dir)
	}
	if text := os.Getenv(roleEnv); text != "" {
		playRole(text)
	}
	os.Exit(m.Run())
}

// counted is a model that writes every call down before it answers.
type counted struct {
	model
	path string
}

func (c *counted) Complete(ctx context.Context, r cloud.Request, emit func(string) error) (cloud.Completion, error) {
	f, err := os.OpenFile(c.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return cloud.Completion{}, err
	}
	fmt.Fprintln(f, r.Messages[0].Content)
	f.Close()
	return c.model.Complete(ctx, r, emit)
}

func workForever(address, dir string) {
	o := cloud.Options{
		Broker: uplink.Broker{URL: "tcp://" + address, MaxReconnect: time.Second},
		State:  filepath.Join(dir, "state"),
	}
	if _, err := cloud.Start(o, &counted{path: filepath.Join(dir, "calls")}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

// A worker is killed with -9 when it has answered and the end has not arrived. The
// next one has the answer, and the provider is not called again.
func TestKilledWorkerHasItsAnswersStill(t *testing.T) {
	address, tap := unusedAddress(t), &wiretap{}
	lossy := true
	tap.drop = func(topic string, payload []byte) bool {
		return lossy && strings.HasPrefix(topic, "cusp/cloud/answer/") && bytes.Contains(payload, []byte(`"done":true`))
	}
	startBroker(t, address, tap)
	dir := t.TempDir()
	start := func() *exec.Cmd {
		w := exec.Command(os.Args[0])
		w.Env = append(os.Environ(), killedEnv+"="+address+" "+dir)
		w.Stderr = os.Stderr
		fatal(t, w.Start())
		t.Cleanup(func() {
			w.Process.Kill()
			w.Wait()
		})
		return w
	}
	worker := start()
	d := startDevice(t, address, "lamp")
	result := make(chan error)
	const questions = 5
	for i := range questions {
		go func() { result <- d.ask(t, fmt.Sprint("q", i), fmt.Sprint("number ", i)) }()
	}
	wait(t, "ends that are lost", func() bool {
		ended := map[string]bool{}
		for _, p := range tap.heard("cusp/cloud/answer/lamp/") {
			if bytes.Contains(p, []byte(`"done":true`)) && !bytes.Contains(p, []byte(`"error"`)) {
				ended[string(p[:20])] = true
			}
		}
		return len(ended) == questions
	})
	fatal(t, worker.Process.Kill())
	worker.Wait()
	tap.mu.Lock()
	lossy = false // read by the hook under the same lock
	tap.mu.Unlock()
	start()
	for range questions {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	fatal(t, err)
	if n := bytes.Count(calls, []byte("\n")); n != questions {
		t.Errorf("the provider was called %d times for %d questions:\n%s", n, questions, calls)
	}
}
