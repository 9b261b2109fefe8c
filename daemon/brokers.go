package daemon

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/a472be26/cusp/daemon/iot"
	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/uplink"
)

// What follows is the same whether the brokers belong to the one process or to
// the link process.

// uplink is how the way to the cloud is opened, with the outbox in dir.
func (c Config) uplink(dir string, late func(router.Question, router.CloudAnswer, error) error, log *slog.Logger) uplink.Options {
	return c.Cloud.options(uplink.Options{Device: c.Device.ID, Outbox: filepath.Join(dir, "outbox.db"), OnLate: late, Log: log})
}

// openDoor opens the MQTT front door.
func (c Config) openDoor(answerer iot.Answerer, status func() any, log *slog.Logger) (*iot.Door, error) {
	client, err := c.iotBroker().uplink().ClientOptions()
	if err != nil {
		return nil, fmt.Errorf("mqtt front door: %w", err)
	}
	door, err := iot.Open(iot.Options{
		Device: c.Device.ID, Client: client.SetClientID(uplink.ClientID("iot", c.Device.ID)),
		Answerer: answerer, Status: status,
		Parallel: c.IoT.Parallel, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("mqtt front door: %w", err)
	}
	return door, nil
}

// LinkReport is what is known of the brokers.
type LinkReport struct {
	LinkStatus
	IoT *bool `json:"iot_up,omitempty"` // absent: no front door
}

// reportOf asks the parts themselves; both may be nil.
func (c Config) reportOf(u *uplink.Uplink, door *iot.Door) (r LinkReport) {
	if u != nil {
		r.LinkStatus = c.Cloud.status(u)
	}
	if door != nil {
		up := door.Up()
		r.IoT = &up
	}
	return r
}
