package envelope

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Errors of [Worker.Open] on which callers branch.
var (
	// ErrClock means that the message is too old or from the future. It is a
	// true message all the same: it was signed and opened.
	ErrClock = errors.New("the clocks of device and worker differ too much")
	// ErrReplayed means that this very message came before.
	ErrReplayed = errors.New("the same sealed message came before")
	// ErrUnknownDevice means that there is no key of the device.
	ErrUnknownDevice = errors.New("no key of this device is known")
)

// Worker opens what devices sealed. Its files are read for every message, so that
// keys can be added and taken away while the program runs. Safe for concurrent use.
type Worker struct {
	KeyFiles  []string      // private keys, X25519; a message may be sealed to any of them
	Devices   string        // directory of public keys: DEVICE.pub
	Tolerance time.Duration // between the clocks, 5 min

	mu   sync.Mutex // guards seen
	seen map[string]time.Time
}

// maxSeen bounds the messages that are remembered against replays.
const maxSeen = 1 << 17

// Check reads the private keys.
func (w *Worker) Check() error {
	keys, err := readWorkerKeys(w.KeyFiles)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errors.New("no private key of the worker is named")
	}
	if info, err := os.Stat(w.Devices); err != nil || !info.IsDir() {
		return fmt.Errorf("devices' keys: %q is no directory; put the public key of each device there as DEVICE.pub", w.Devices)
	}
	return nil
}

// Knows reports whether there is a key of the device, which then must seal. A
// file that cannot be read counts: it is no reason to believe everybody.
func (w *Worker) Knows(device string) bool {
	path, err := deviceFile(w.Devices, device)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Open verifies and opens a message that came on the topic of device. With
// ErrClock, body and secret are there too: the device can be told.
func (w *Worker) Open(c *Codec, device string, e Envelope, now time.Time) (body []byte, s *Secret, err error) {
	// 1. Who says so?
	if err := w.verify(device, e); err != nil {
		return nil, nil, err
	}
	// 2. What does it say?
	if body, s, err = w.open(c, device, e); err != nil {
		return nil, nil, err
	}
	// 3. Does it say so now, and for the first time?
	return body, s, w.fresh(e, now)
}

func (w *Worker) verify(device string, e Envelope) error {
	if !e.Sealed || e.Kind == Answer {
		return errors.New("not a sealed question")
	}
	path, err := deviceFile(w.Devices, device)
	if err != nil {
		return err
	}
	keys, err := readDevicePublic(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is not there", ErrUnknownDevice, path)
	}
	if err != nil {
		return err
	}
	text := signedText(device, e.signed)
	for _, k := range keys {
		if ed25519.Verify(k, text, e.sign) {
			return nil
		}
	}
	return fmt.Errorf("the signature is not of device %s", device)
}

func (w *Worker) open(c *Codec, device string, e Envelope) ([]byte, *Secret, error) {
	keys, err := readWorkerKeys(w.KeyFiles)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range keys {
		if k.id == e.keyID {
			return openFrom(c, k.key, device, e)
		}
	}
	return nil, nil, fmt.Errorf("sealed to the key %x, which this worker does not have", e.keyID)
}

// fresh refuses what is not of now, or came before.
func (w *Worker) fresh(e Envelope, now time.Time) error {
	tolerance := w.Tolerance
	if tolerance <= 0 {
		tolerance = 5 * time.Minute
	}
	sent := time.UnixMilli(e.sent)
	if sent.Before(now.Add(-tolerance)) || sent.After(now.Add(tolerance)) {
		return ErrClock
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, again := w.seen[string(e.enc)]; again {
		return ErrReplayed
	}
	if len(w.seen) >= maxSeen {
		w.forget(now)
	}
	if len(w.seen) >= maxSeen {
		return fmt.Errorf("more than %d sealed messages within %v", maxSeen, tolerance)
	}
	if w.seen == nil {
		w.seen = map[string]time.Time{}
	}
	w.seen[string(e.enc)] = sent.Add(tolerance)
	return nil
}

// forget drops what the clock alone refuses by now. The caller holds mu.
func (w *Worker) forget(now time.Time) {
	for enc, until := range w.seen {
		if until.Before(now) {
			delete(w.seen, enc)
		}
	}
}
