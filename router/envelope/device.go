package envelope

import (
	"fmt"
	"time"
)

// Device seals what one device sends. Its files are read for every message, so
// that keys can be replaced while the program runs.
type Device struct {
	Name       string
	KeyFile    string   // its own private key, Ed25519
	WorkerKeys []string // files with public keys of the workers; the first key is used
}

// Check reads all files.
func (d *Device) Check() error {
	if _, err := readDeviceKey(d.KeyFile); err != nil {
		return fmt.Errorf("device key: %w", err)
	}
	if _, err := readWorkerPublic(d.WorkerKeys); err != nil {
		return fmt.Errorf("worker keys: %w", err)
	}
	return nil
}

// Seal wraps a message about question id, sent at the workers' time at. The
// secret opens what is answered to it.
func (d *Device) Seal(c *Codec, kind Kind, id string, at time.Time, body []byte) ([]byte, *Secret, error) {
	sign, err := readDeviceKey(d.KeyFile)
	if err != nil {
		return nil, nil, err
	}
	workers, err := readWorkerPublic(d.WorkerKeys)
	if err != nil {
		return nil, nil, err
	}
	return sealTo(c, workers[0], sign, kind, d.Name, id, at, body)
}
