package daemon

import (
	"context"
	"fmt"

	"github.com/a472be26/cusp/daemon/api"
	"github.com/a472be26/cusp/daemon/border"
	"github.com/a472be26/cusp/router"
)

// What follows is the engine process's part in a device of two processes; the
// other one's is in link.go.

// attendants are how many things the link may ask at a time beyond the questions
// of the front door: late answers and statuses.
const attendants = 16

// openBorder takes the link process in the place of an uplink of its own. It may
// be there or not.
func (d *device) openBorder() error {
	peers, err := border.LookupPeers(d.cfg.Link.Peers)
	if err != nil {
		return fmt.Errorf("link.peers: %w", err)
	}
	d.border = border.NewCloud(d.cfg.Link.Socket, peers, d.log)
	return nil
}

// attend answers what the link asks: questions over MQTT, late answers, statuses.
func (d *device) attend() {
	d.onDrain(d.border.Attend(visited{d}, d.cfg.IoT.Parallel+attendants).Close)
}

// visited is the device as the link process sees it.
type visited struct{ d *device }

var _ border.Engine = visited{}

// Answer implements [border.Engine].
func (v visited) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	return v.d.asked.Answer(ctx, q, emit)
}

// Late implements [border.Engine]. The link tells the asker.
func (v visited) Late(q router.Question, c router.CloudAnswer, failure error) (router.Question, router.Answer, error) {
	return v.d.recordLate(q, c, failure)
}

// Status implements [border.Engine].
func (v visited) Status() any { return v.d.status() }

// handing is a router whose answers of the cloud count as arrived once they are
// recorded: an engine that dies before gets them again, as late ones.
type handing struct{ api.Answerer }

// Answer implements [api.Answerer].
func (h handing) Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error) {
	ctx, open := border.WithHanding(ctx)
	a, err := h.Answerer.Answer(ctx, q, emit)
	open.Close(err == nil)
	return a, err
}

// report is what is known of the brokers, here or in the link process.
func (d *device) report() LinkReport {
	if d.border == nil {
		select {
		case <-d.open:
			return d.cfg.reportOf(d.uplink, d.door)
		default: // the door is being opened
			return d.cfg.reportOf(d.uplink, nil)
		}
	}
	var r LinkReport
	if err := d.border.Report(context.Background(), &r); err != nil {
		r.LinkStatus = LinkStatus{Configured: d.cfg.Cloud.Broker != "", Broker: d.cfg.Cloud.uplink().String(), Error: err.Error()}
		if d.cfg.IoT.Enable {
			r.IoT = new(bool)
		}
	}
	return r
}

// announce publishes the status over MQTT, where there is a front door.
func (d *device) announce() {
	switch {
	case d.door != nil:
		d.door.Announce()
	case d.border != nil && d.cfg.IoT.Enable:
		go func() { _ = d.border.Announce(d.ctx) }() // a link that is not there announces when it is
	}
}
