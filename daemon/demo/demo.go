// Package demo plays the tour of Cusp: an MQTT broker, a cloud worker and the
// device daemon in one process, on loopback and a unix socket, offline.
//
// Nothing in it is staged: the parts are the real ones, and every act checks
// what it shows. An act that does not come true is an error.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/a472be26/cusp/router/cloud"
)

// Options of [Run].
type Options struct {
	Out      io.Writer
	Version  string
	Provider cloud.Provider // the large model
	Model    string         // its name, for people
	Remark   string         // on that model, for people
	Stay     bool           // keep everything running until ctx ends
	Log      *slog.Logger   // of broker clients and daemon; nil: nothing is logged
}

// act is one part of the tour.
type act struct {
	title string
	play  func(context.Context, *house) error
}

// acts are played in this order.
var acts = []act{
	{"Easy commands are answered on the device", playEasy},
	{"Hard questions travel over MQTT to the large model and come back streamed", playHard},
	{"An IoT application asks over MQTT", playIoT},
	{"A model update while answers are streaming", playUpdate},
	{"The broker goes down in front of a hard question", playOutage},
}

// actTime bounds one act: a tour that hangs is a tour that failed.
const actTime = 90 * time.Second

// Run builds the house, plays every act in it, and returns the first that did
// not come true.
func Run(ctx context.Context, o Options) error {
	h, err := build(ctx, o)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer h.close()
	h.introduce()
	for i, a := range acts {
		h.say("\n%d. %s\n\n", i+1, a.title)
		if err := h.play(ctx, a); err != nil {
			return fmt.Errorf("demo: act %d (%s): %w", i+1, a.title, err)
		}
	}
	h.say("\nAll %d acts came true.\n", len(acts))
	if o.Stay {
		h.invite()
		<-ctx.Done()
	}
	return nil
}

func (h *house) play(ctx context.Context, a act) error {
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	return a.play(ctx, h)
}

// say prints to the audience; what cannot be printed cannot be mended here.
func (h *house) say(format string, args ...any) { fmt.Fprintf(h.out, format, args...) }

func (h *house) introduce() {
	h.say("Cusp %s: everything below runs in this process.\n\n", h.version)
	h.say("  broker   %s (MQTT)\n", h.broker.url())
	h.say("  cloud    a worker with %s%s\n", h.teacher, h.remark)
	h.say("  device   %s on %s\n", h.student(), h.cfg.API.Socket)
}

// invite prints what to try while everything keeps running.
func (h *house) invite() {
	h.say(`
Everything keeps running; end it with Ctrl-C. Try, from another terminal:

  curl -sN --unix-socket %[1]s http://cusp/v1/chat/completions -d '{"model":"cusp","stream":true,"messages":[{"role":"user","content":"turn on the kitchen light"}]}'
  go run . ask --socket %[1]s 'set the bedroom lights to 40 percent'
  go run . status --socket %[1]s
  mosquitto_sub -p %[2]s -t 'cusp/#' -v &
  mosquitto_pub -p %[2]s -t cusp/%[3]s/ask -q 1 -m '{"id":"1","prompt":"打开客厅的灯"}'
`, h.cfg.API.Socket, h.broker.port(), h.cfg.Device.ID)
}
