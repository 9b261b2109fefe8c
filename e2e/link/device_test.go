//go:build e2e

package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/calibrate"
	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// What a device waits for.
const (
	appWait    = 6 * time.Second // Router.Wait
	hastyWait  = 150 * time.Millisecond
	longExpiry = 20 * time.Minute
	soonExpiry = 8 * time.Second // of every tenth device
)

// device is one device: a router, a local model and an uplink with its outbox,
// which is closed and opened again.
type device struct {
	f      *fleet
	name   string
	number int
	random *rand.Rand // of its questions
	asked  int
	router router.Router
	proxy  *proxy

	options uplink.Options
	mu      sync.RWMutex // guards link
	link    *uplink.Uplink
}

var _ router.Cloud = (*device)(nil)

var errOff = errors.New("the device is just starting again")

func newDevice(f *fleet, number int) *device {
	d := &device{f: f, number: number, name: fmt.Sprintf("device-%03d", number), random: rand.New(rand.NewPCG(f.seed, uint64(number)+1000))}
	d.proxy = newProxy(f.T, f.weather, f.socket, f.seed<<16+uint64(number))
	d.router = router.Router{Local: local{d}, Cloud: d, Wait: appWait}
	d.options = uplink.Options{
		Broker: uplink.Broker{URL: d.proxy.url(), MaxReconnect: 4 * time.Second}, Device: d.name,
		Outbox: fmt.Sprintf("%s/%s.db", f.dir, d.name), OnLate: d.late, Log: f.logs.logger(),
		Expiry: longExpiry, SilenceTimeout: 8 * time.Second, MaxBackoff: 8 * time.Second,
	}
	if number%10 == 0 {
		d.options.Expiry = soonExpiry
	}
	if d.seals() {
		d.options.Seal = &envelope.Device{KeyFile: f.deviceKey(d.name), WorkerKeys: []string{envelope.PublicPath(f.workerKey)}}
	}
	return d
}

func (d *device) seals() bool { return d.number%4 == 1 }

func (d *device) start() {
	u, err := uplink.Open(d.options)
	if err != nil {
		d.f.ledger.wrong("%s cannot start: %v", d.name, err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.link = u
}

// stop ends it in peace, or as a kill would look from outside: nothing gets out any
// more, and the next life has nothing but the outbox.
func (d *device) stop(kill bool) {
	if kill {
		d.proxy.part(false)
		defer d.proxy.heal(false, true)
	}
	d.mu.Lock()
	u := d.link
	d.link = nil
	d.mu.Unlock()
	if u == nil {
		return
	}
	if err := u.Close(); err != nil {
		d.f.ledger.wrong("%s cannot stop: %v", d.name, err)
	}
}

func (d *device) uplink() *uplink.Uplink {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.link
}

// Up implements [router.Cloud].
func (d *device) Up() bool {
	u := d.uplink()
	return u != nil && u.Up()
}

// Ask implements [router.Cloud], and notes what becomes of the question.
func (d *device) Ask(ctx context.Context, q router.Question, emit func(string) error) (answer router.CloudAnswer, err error) {
	u := d.uplink()
	if u == nil {
		return answer, errOff
	}
	accepted := func() error { d.f.ledger.accept(q.ID); return nil }
	var failure error
	err = u.Hand(ctx, q, accepted, emit, func(a router.CloudAnswer, err error) error {
		d.f.ledger.end(d.name, q.ID, false, a, err)
		answer, failure = a, err
		return nil
	})
	return answer, errors.Join(err, failure)
}

// late takes a late answer, some of them at the second try only.
func (d *device) late(q router.Question, a router.CloudAnswer, err error) error {
	if d.f.ledger.isAway(q.ID) {
		return errors.New("the application is away")
	}
	d.f.ledger.end(d.name, q.ID, true, a, err)
	return nil
}

// live asks now and then until ctx ends.
func (d *device) live(ctx context.Context) {
	for {
		select {
		case <-time.After(time.Duration(d.random.ExpFloat64() * float64(d.f.pace))):
			f, stream := d.next(), d.random.IntN(2) == 0
			d.f.asks.Go(func() { d.ask(f, stream) })
		case <-ctx.Done():
			return
		}
	}
}

// next draws a question.
func (d *device) next() *fact {
	d.asked++
	k := unsure
	switch n := d.random.IntN(100); {
	case n < 35:
		k = sure
	case n < 45:
		k = private
	case n < 55:
		k = hasty
	case n < 60:
		k = refused
	}
	return &fact{id: fmt.Sprintf("%s-%03d-%d", k, d.number, d.asked), device: d.name, kind: k, expiry: d.options.Expiry}
}

func (d *device) ask(f *fact, stream bool) {
	text := fmt.Sprintf("device %s asks %s", f.device, f.id)
	q := router.Question{ID: f.id}
	switch f.kind {
	case refused:
		text += " " + refuseMark
	case private:
		text += " " + privateMark
		q.Privacy = router.Private
	case hasty:
		q.Deadline = time.Now().Add(hastyWait)
	}
	q.Messages = []router.Message{{Role: "user", Content: text}}
	var streamed strings.Builder
	var emit func(router.Delta) error
	if stream {
		emit = func(d router.Delta) error { streamed.WriteString(d.Text); return nil }
	}
	f.asked, f.calm = time.Now(), d.f.calm.Load()
	d.f.ledger.open(f)
	a, err := d.router.Answer(context.Background(), q, emit)
	d.f.ledger.show(f.id, shown{a, err, streamed.String(), time.Since(f.asked)})
}

// local is a small model that follows a script: it is sure of its answer or not.
type local struct{ d *device }

func localText(device, id string) string { return fmt.Sprintf("%s's own answer to %s", device, id) }

// Answer implements [router.Local].
func (l local) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.LocalAnswer, error) {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-ctx.Done():
		return router.LocalAnswer{}, ctx.Err()
	}
	logProb := float32(-2)
	if strings.HasPrefix(q.ID, string(sure)) {
		logProb = -0.05
	}
	text := localText(l.d.name, q.ID)
	if err := emit(router.Delta{Text: text}); err != nil {
		return router.LocalAnswer{}, err
	}
	return router.LocalAnswer{
		Text: text, Finish: "stop", Tokens: []calibrate.Token{{LogProb: logProb, Margin: 1}}, PromptTokens: 5,
		Model: router.Model{Name: "small"}, Calibration: &calibration,
	}, nil
}

// calibration makes a confidence of the mean log-probability: 0.98 near 0, 0.3 at -2.
var calibration = calibrate.Calibration{
	Version: 2, Threshold: 0.9,
	Rule:     calibrate.Rule{Features: []string{"logprob_mean"}, Mean: []float64{0}, Scale: []float64{1}, Weights: []float64{1}},
	Isotonic: calibrate.Isotonic{X: []float64{-2, -0.1}, Y: []float64{0.3, 0.98}},
}
