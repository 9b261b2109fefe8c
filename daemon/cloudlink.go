package daemon

import (
	"errors"
	"time"

	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// first makes the first of several brokers the broker, where none is set apart.
func (c *BrokerConfig) first() {
	if c.Broker == "" && len(c.Brokers) > 0 {
		c.Broker, c.Brokers = c.Brokers[0], c.Brokers[1:]
	}
}

// options completes those of the uplink with what [cloud] says.
func (c CloudConfig) options(o uplink.Options) uplink.Options {
	o.Broker, o.Expiry, o.SilenceTimeout = c.uplink(), c.Expiry, c.Timeout
	o.MaxQuestions, o.MaxBytes = c.OutboxQuestions, c.OutboxBytes
	o.NoCompression = c.Compression == "none"
	if c.sealed() {
		o.Seal = &envelope.Device{KeyFile: credentialOr(c.DeviceKeyCredential, c.DeviceKey), WorkerKeys: c.WorkerKeys}
	}
	return o
}

func (c CloudConfig) sealed() bool { return len(c.WorkerKeys) > 0 }

// checkPayload leaves the files for the start, since they may be rotated.
func (c CloudConfig) checkPayload(at source) error {
	var errs []error
	if c.Compression != "zstd" && c.Compression != "none" {
		errs = append(errs, at.errorf("cloud.compression", "%q is no compression; write \"zstd\" or \"none\"", c.Compression))
	}
	if c.DeviceKey != "" && c.DeviceKeyCredential != "" {
		errs = append(errs, at.errorf("cloud.device_key_credential", "there is a device_key too; keep one of them"))
	}
	own := c.DeviceKey+c.DeviceKeyCredential != ""
	if c.sealed() && !own {
		errs = append(errs, at.errorf("cloud.worker_keys", "what is sealed must be signed too: make a key with `cusp key device FILE` and set device_key or device_key_credential"))
	}
	if own && !c.sealed() {
		errs = append(errs, at.errorf("cloud.device_key", "without worker_keys nothing is sealed; name the workers' public keys, or take the device's key away"))
	}
	return errors.Join(append(errs, credentialName(at, "cloud.device_key_credential", c.DeviceKeyCredential))...)
}

// status is how the way to the cloud is.
func (c CloudConfig) status(u *uplink.Uplink) LinkStatus {
	link := u.Link()
	s := LinkStatus{
		Configured: true, Broker: link.Broker, Up: link.Up, SinceS: seconds(time.Since(link.Since)),
		Outbox: u.Depth(), OldestS: seconds(u.OldestAge()),
		Sealed: c.sealed(), Failures: link.Failures, Trouble: link.Err,
	}
	if !link.Next.IsZero() {
		s.RetryS = max(0, seconds(time.Until(link.Next)))
	}
	return s
}
