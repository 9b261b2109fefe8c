//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/daemon"
	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/router/record"
)

// TestTwoProcessesKilledAtAnyMoment kills the engine process and the link process
// again and again, in no order, while questions come over MQTT. Every question is
// answered; no late answer is recorded twice.
func TestTwoProcessesKilledAtAnyMoment(t *testing.T) {
	const seed, kills, questions = 7, 14, 60
	h := newHost(t)
	h.linked()
	commands := [][]string{{"serve", "--config", h.conf}, {"link", "--config", h.conf}}
	running := make([]*exec.Cmd, len(commands))
	for i, c := range commands {
		running[i] = h.start(c...)
	}
	h.start("cloud", "--broker", "tcp://127.0.0.1:"+h.port)
	h.until("both links", func(s daemon.Status) bool { return s.Link.Up && s.IoT != nil && *s.IoT })
	answers := h.subscribe("cusp/crash/answer/#")

	// 1. Questions come while processes die.
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for i := range questions {
			h.publish("cusp/crash/ask", fmt.Sprintf(`{"id":"q%d","prompt":"%s, part %d","stream":true}`, i, hardText, i))
			time.Sleep(50 * time.Millisecond)
		}
	}()
	r := rand.New(rand.NewPCG(seed, 0))
	for range kills {
		time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		i := r.IntN(len(running))
		must(t, running[i].Process.Kill())
		_ = running[i].Wait() // "signal: killed"
		running[i] = h.start(commands[i]...)
	}
	<-asked

	// 2. Every question has its last answer.
	missing := map[string]bool{}
	for i := range questions {
		missing[fmt.Sprintf("q%d", i)] = true
	}
	for deadline := time.After(2 * time.Minute); len(missing) > 0; {
		select {
		case line := <-answers:
			var a iot.Answer
			must(t, json.Unmarshal([]byte(line), &a))
			if a.Done && a.Error != nil {
				t.Errorf("%s: %+v", a.ID, a.Error)
			}
			if a.Done && (a.Content == "" || a.Receipt == nil) {
				t.Errorf("%s has no answer: %s", a.ID, line)
			}
			if a.Done {
				delete(missing, a.ID)
			}
		case <-deadline:
			t.Fatalf("without an answer: %v", missing)
		}
	}
	h.until("an empty outbox", func(s daemon.Status) bool { return s.Link.Error == "" && s.Link.Up && s.Link.Outbox == 0 })

	// 3. The records are whole, and have each late answer once.
	late, kept := map[string]int{}, map[string]bool{}
	records, err := record.Open(filepath.Join(h.dir, "state", "records"), record.Options{ReadOnly: true})
	must(t, err)
	must(t, records.Each(func(e record.Entry) error {
		kept[e.Question.ID] = true
		if e.Receipt.Detail == "late answer" {
			late[e.Question.ID]++
		}
		return nil
	}))
	t.Logf("%d answers came late", len(late))
	for id, n := range late {
		if n > 1 {
			t.Errorf("the late answer to %s is recorded %d times", id, n)
		}
	}
	if len(kept) != questions {
		t.Errorf("%d questions are recorded, want %d", len(kept), questions)
	}
}

// linked configures two processes.
func (h *host) linked() {
	h.t.Helper()
	h.conf = h.config()
	text, err := os.ReadFile(h.conf)
	must(h.t, err)
	text = fmt.Appendf(text, "[link]\nsocket = %q\nstate = %q\n", filepath.Join(h.dir, "l"), filepath.Join(h.dir, "link"))
	must(h.t, os.WriteFile(h.conf, text, 0o644))
}

// publish is for goroutines: it reports and goes on.
func (h *host) publish(topic, payload string) {
	if out, err := exec.CommandContext(h.t.Context(), "mosquitto_pub", "-p", h.port, "-q", "1", "-t", topic, "-m", payload).CombinedOutput(); err != nil {
		h.t.Errorf("mosquitto_pub: %v\n%s", err, strings.TrimSpace(string(out)))
	}
}
