package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/a472be26/cusp/router"
)

// Questions of the tour. The hard ones are commands whose words the student
// cannot be trusted to copy, and one that is no command at all.
var (
	easy = []string{
		"turn on the lights in the kitchen",
		"set the bedroom lights to 40 percent",
		"start a timer for 10 minutes",
		"打开客厅的灯",
		"卧室的温度是多少",
	}
	hard = []string{
		"put some jazz on in the study",
		"set the pizza timer to 12 minutes",
		"who wrote the origin of species",
	}
)

func playEasy(ctx context.Context, h *house) error {
	for _, text := range easy {
		a, err := h.ask(ctx, text)
		if err != nil {
			return err
		}
		h.say("  %s\n    %s\n    %s\n", text, a.Text, a.Receipt.Line())
		if err := wantRoute(a, router.RouteLocal); err != nil {
			return err
		}
		if !json.Valid([]byte(a.Text)) {
			return fmt.Errorf("answer %q is not JSON", a.Text)
		}
	}
	return nil
}

func playHard(ctx context.Context, h *house) error {
	for _, text := range hard {
		mark := h.spy.mark()
		pieces := 0
		start := time.Now()
		var first time.Duration
		a, err := h.stream(ctx, question(text), func(string) error {
			if pieces++; pieces == 1 {
				first = time.Since(start)
			}
			return nil
		})
		if err != nil {
			return err
		}
		t := h.spy.about(a.Receipt.ID, mark)
		h.say("  %s\n    %s\n    %s\n", text, a.Text, a.Receipt.Line())
		h.say("    MQTT: %s; first text after %.0f ms, %d chunk(s) of it\n", t, float64(first.Microseconds())/1000, pieces)
		if err := wantRoute(a, router.RouteCloud); err != nil {
			return err
		}
		if t.asks < 1 || t.answers < 2 {
			return fmt.Errorf("the broker saw %s, want at least one up and two down", t)
		}
	}
	return nil
}

func playIoT(ctx context.Context, h *house) error {
	answers := make(chan string, 16)
	h.spy.follow("cusp/"+h.cfg.Device.ID+"/answer/tour", func(payload string) {
		select {
		case answers <- payload:
		default:
		}
	})
	payload := `{"id":"tour","prompt":"turn off the heater"}`
	topic := "cusp/" + h.cfg.Device.ID + "/ask"
	h.say("  -> %s %s\n", topic, payload)
	if err := h.broker.publish(topic, []byte(payload)); err != nil {
		return err
	}
	select {
	case answer := <-answers:
		h.say("  <- %s\n     %s\n", "cusp/"+h.cfg.Device.ID+"/answer/tour", answer)
		if !strings.Contains(answer, `"receipt"`) || !strings.Contains(answer, `"done":true`) {
			return fmt.Errorf("answer %s is not a whole answer with a receipt", answer)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no answer over MQTT: %w", ctx.Err())
	}
}

func question(text string) router.Question {
	return router.Question{ID: router.NewID(), Messages: []router.Message{{Role: "user", Content: text}}}
}

func (h *house) ask(ctx context.Context, text string) (router.Answer, error) {
	return h.stream(ctx, question(text), nil)
}

func (h *house) stream(ctx context.Context, q router.Question, onText func(string) error) (router.Answer, error) {
	a, err := h.client.Ask(ctx, q, onText)
	if err != nil {
		return a, fmt.Errorf("ask %q: %w", q.Messages[0].Content, err)
	}
	return a, nil
}

func wantRoute(a router.Answer, want router.Route) error {
	if a.Receipt.Route != want {
		return fmt.Errorf("the answer took the route %s (%s), want %s", a.Receipt.Route, a.Receipt.Reason, want)
	}
	return nil
}
