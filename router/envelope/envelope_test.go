package envelope

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// pair is a device and the worker that knows it.
type pair struct {
	t      *testing.T
	codec  *Codec
	device *Device
	worker *Worker
	dir    string
}

func newCodec(t testing.TB) *Codec {
	t.Helper()
	c, err := NewCodec(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, codec: newCodec(t), dir: t.TempDir()}
	must(t, GenerateWorkerKey(p.path("worker")))
	must(t, os.Mkdir(p.path("devices"), 0o700))
	p.worker = &Worker{KeyFiles: []string{p.path("worker")}, Devices: p.path("devices")}
	p.device = p.add("lamp")
	must(t, errors.Join(p.device.Check(), p.worker.Check()))
	return p
}

func (p *pair) path(name string) string { return filepath.Join(p.dir, name) }

// add makes a device that the worker knows.
func (p *pair) add(name string) *Device {
	p.t.Helper()
	must(p.t, GenerateDeviceKey(p.path(name)))
	must(p.t, os.Rename(PublicPath(p.path(name)), filepath.Join(p.dir, "devices", name+".pub")))
	return &Device{Name: name, KeyFile: p.path(name), WorkerKeys: []string{PublicPath(p.path("worker"))}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *pair) seal(d *Device, body string) ([]byte, *Secret) {
	p.t.Helper()
	payload, secret, err := d.Seal(p.codec, Ask, "q1", now, []byte(body))
	must(p.t, err)
	return payload, secret
}

// open is what the worker makes of a payload on the topic of device.
func (p *pair) open(device string, payload []byte) (string, *Secret, error) {
	e, err := Parse(payload)
	if err != nil {
		return "", nil, err
	}
	body, secret, err := p.worker.Open(p.codec, device, e, now)
	return string(body), secret, err
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one with %q", err, part)
	}
}

func TestSealedThereAndBack(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, body := range []string{"", "short", strings.Repeat("long and dull ", 1000)} {
		payload, secret := p.seal(p.device, body)
		if strings.Contains(string(payload), "dull") || strings.Contains(string(payload), "short") {
			t.Errorf("the text can be read in %q", payload)
		}
		if len(body) > 1000 && len(payload) > 400 {
			t.Errorf("%d bytes are sealed as %d: not compressed", len(body), len(payload))
		}
		got, back, err := p.open("lamp", payload)
		if err != nil || got != body {
			t.Fatalf("opened %.40q, %v", got, err)
		}
		answer, err := back.Seal(p.codec, "q1", 7, []byte("because "+body))
		must(t, err)
		e, err := Parse(answer)
		must(t, err)
		if e.Seq != 7 || e.ID != "q1" || !secret.Fits(e) || bytes.Contains(answer, []byte("because")) {
			t.Errorf("answer %+v", e)
		}
		text, err := secret.Open(p.codec, e)
		if err != nil || string(text) != "because "+body {
			t.Errorf("answer %.40q, %v", text, err)
		}
	}
}

// Words of different length must not be told apart by the size of a message.
func TestSealedSizesAreRounded(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	_, secret := p.seal(p.device, "x")
	sizes := map[int]bool{}
	for n := range 60 {
		answer, err := secret.Seal(p.codec, "q1", n, bytes.Repeat([]byte("w"), n))
		must(t, err)
		sizes[len(answer)] = true
	}
	if len(sizes) != 1 {
		t.Errorf("bodies of 0 to 59 bytes have sizes %v", sizes)
	}
}

// Any changed byte of a sealed message is noticed, wherever it is.
func TestAlteredMessagesAreRefused(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	payload, secret := p.seal(p.device, "turn on the light")
	for i := range payload {
		altered := bytes.Clone(payload)
		altered[i] ^= 0x20
		if got, _, err := p.open("lamp", altered); err == nil {
			t.Errorf("byte %d of a question can be altered: %q", i, got)
		}
	}
	_, back, err := p.open("lamp", payload)
	must(t, err)
	answer, err := back.Seal(p.codec, "q1", 3, []byte("done"))
	must(t, err)
	for i := range answer {
		altered := bytes.Clone(answer)
		altered[i] ^= 0x20
		e, err := Parse(altered)
		if err != nil || !secret.Fits(e) {
			continue
		}
		if text, err := secret.Open(p.codec, e); err == nil {
			t.Errorf("byte %d of an answer can be altered: %q", i, text)
		}
	}
	for n := range payload {
		if _, _, err := p.open("lamp", payload[:n]); err == nil {
			t.Errorf("the first %d bytes of a question are taken", n)
		}
	}
}

func TestNobodySpeaksForAnother(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	other := p.add("door")
	t.Run("another's message on my topic", func(t *testing.T) {
		payload, _ := p.seal(p.device, "x")
		_, _, err := p.open("door", payload)
		wantError(t, err, "signature is not of device door")
	})
	t.Run("my message in another's name", func(t *testing.T) {
		forger := *other
		forger.Name = "lamp"
		payload, _ := p.seal(&forger, "x")
		_, _, err := p.open("lamp", payload)
		wantError(t, err, "signature is not of device lamp")
	})
	t.Run("another's message signed by me", func(t *testing.T) {
		payload, _ := p.seal(p.device, "x")
		key, err := readDeviceKey(other.KeyFile)
		must(t, err)
		stolen := payload[:len(payload)-signBytes]
		stolen = append(stolen, ed25519.Sign(key, signedText("door", stolen))...)
		_, _, err = p.open("door", stolen)
		wantError(t, err, "seal of the question is broken")
	})
	t.Run("a device that is not known", func(t *testing.T) {
		payload, _ := p.seal(p.device, "x")
		if _, _, err := p.open("stranger", payload); !errors.Is(err, ErrUnknownDevice) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("an answer to another question", func(t *testing.T) {
		first, _ := p.seal(p.device, "one")
		_, secret := p.seal(p.device, "two")
		_, back, err := p.open("lamp", first)
		must(t, err)
		answer, err := back.Seal(p.codec, "q1", 0, []byte("x"))
		must(t, err)
		e, err := Parse(answer)
		must(t, err)
		if secret.Fits(e) {
			t.Error("it is taken for this one's")
		}
		e.ref = secret.ref
		_, err = secret.Open(p.codec, e)
		wantError(t, err, "seal of the answer is broken")
	})
}

func TestReplaysAndClocks(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	payload, _ := p.seal(p.device, "x")
	if _, _, err := p.open("lamp", payload); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.open("lamp", payload); !errors.Is(err, ErrReplayed) {
		t.Errorf("the second time: %v", err)
	}
	e, err := Parse(payload)
	must(t, err)
	for _, away := range []time.Duration{-6 * time.Minute, 6 * time.Minute} {
		if _, s, err := p.worker.Open(p.codec, "lamp", e, now.Add(away)); !errors.Is(err, ErrClock) || s == nil {
			t.Errorf("%v away: %v, secret %v", away, err, s)
		}
	}
	p.worker.forget(now.Add(5*time.Minute + time.Millisecond))
	if len(p.worker.seen) != 0 {
		t.Errorf("%d messages are remembered that the clock refuses", len(p.worker.seen))
	}
}

func TestKeysAreRotated(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	must(t, GenerateWorkerKey(p.path("next")))
	before, _ := p.seal(p.device, "to the old key")

	// 1. The worker takes both, 2. the devices get the new one, 3. the old one goes.
	p.worker.KeyFiles = []string{p.path("next"), p.path("worker")}
	p.device.WorkerKeys = []string{PublicPath(p.path("next")), PublicPath(p.path("worker"))}
	after, _ := p.seal(p.device, "to the new key")
	for want, payload := range map[string][]byte{"to the old key": before, "to the new key": after} {
		if got, _, err := p.open("lamp", payload); got != want || err != nil {
			t.Errorf("opened %q, %v; want %q", got, err, want)
		}
	}
	p.worker.KeyFiles = []string{p.path("next")}
	_, _, err := p.open("lamp", before)
	wantError(t, err, "which this worker does not have")

	// A device's own key: both public halves lie in its file for a while.
	must(t, GenerateDeviceKey(p.path("lamp2")))
	known := filepath.Join(p.worker.Devices, "lamp.pub")
	old, err := os.ReadFile(known)
	must(t, err)
	fresh, err := os.ReadFile(PublicPath(p.path("lamp2")))
	must(t, err)
	must(t, os.WriteFile(known, append(old, fresh...), 0o600))
	first, _ := p.seal(p.device, "old")
	p.device.KeyFile = p.path("lamp2")
	second, _ := p.seal(p.device, "new")
	for _, payload := range [][]byte{first, second} {
		if _, _, err := p.open("lamp", payload); err != nil {
			t.Error(err)
		}
	}
	must(t, os.Remove(known))
	if p.worker.Knows("lamp") {
		t.Error("a device whose key was taken away is known")
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for _, body := range []string{"", "{}", strings.Repeat("x", worthwhile-1), "\x00\x01\x02" + strings.Repeat("ab", 5000)} {
		payload, err := c.Wrap(Ask, "q", []byte(body))
		must(t, err)
		if !Is(payload) {
			if string(payload) != body || len(body) > worthwhile {
				t.Errorf("%d bytes came out as they are, or changed: %d", len(body), len(payload))
			}
			continue
		}
		e, err := Parse(payload)
		must(t, err)
		got, err := c.Unwrap(e)
		if err != nil || string(got) != body || len(payload) >= len(body) || e.Sealed || e.Kind != Ask || e.ID != "q" {
			t.Errorf("%d bytes in %d: %d came out, %v", len(body), len(payload), len(got), err)
		}
	}
}

// A few bytes that would become gigabytes are refused before they do.
func TestBombs(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	w, err := zstd.NewWriter(nil)
	must(t, err)
	bomb := w.EncodeAll(make([]byte, 64<<20), nil)
	if len(bomb) > 10<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	fixed, err := appendFixed(Ask, flagZstd, "q")
	must(t, err)
	e, err := Parse(append(fixed, bomb...))
	must(t, err)
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.codec.Unwrap(e); err == nil {
				b.Error("64 MiB came out")
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 8<<20 {
		t.Errorf("%d bytes were allocated for it", allocated)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, part string }{
		{"empty", "", "without the beginning"},
		{"JSON", `{"id":"q"}`, "without the beginning"},
		{"only the magic", "CUSP", "without the beginning"},
		{"ends within the id", "CUSP\x01\x01\x00\x05abc", "within the id"},
		{"another version", "CUSP\x02\x09\xff\x03abc?", "version 2, this program reads 1"},
		{"another kind", "CUSP\x01\x04\x00\x03abc", "kind 4"},
		{"unknown flags", "CUSP\x01\x01\x84\x03abc", "flags 0x84"},
		{"no id", "CUSP\x01\x01\x00\x00", "no id"},
		{"a wildcard as id", "CUSP\x01\x01\x00\x01+", "no id"},
		{"sealed question without anything", "CUSP\x01\x01\x02\x01q", "too few"},
		{"sealed answer without anything", "CUSP\x01\x03\x02\x01q", "too few"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.payload))
			wantError(t, err, c.part)
			var v VersionError
			if errors.As(err, &v) && v.ID != "abc" {
				t.Errorf("whose message it is was lost: %+v", v)
			}
		})
	}
}
