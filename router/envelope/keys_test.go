package envelope

import (
	"crypto/ed25519"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

// The keys in testdata were made by OpenSSL 3.0.
func TestKeysOfOpenSSL(t *testing.T) {
	t.Parallel()
	devices := t.TempDir()
	public, err := os.ReadFile("testdata/device.pub")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(devices, "lamp.pub"), public, 0o600))
	p := &pair{
		t: t, codec: newCodec(t),
		device: &Device{Name: "lamp", KeyFile: "testdata/device", WorkerKeys: []string{"testdata/worker.pub"}},
		worker: &Worker{KeyFiles: []string{"testdata/worker"}, Devices: devices},
	}
	payload, _ := p.seal(p.device, "hello")
	if got, _, err := p.open("lamp", payload); got != "hello" || err != nil {
		t.Errorf("opened %q, %v", got, err)
	}
}

func TestKeyFileErrors(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	must(t, os.WriteFile(p.path("rubbish"), []byte("no key"), 0o600))
	device, worker := p.path("lamp"), p.path("worker")
	public := filepath.Join(p.worker.Devices, "lamp.pub")
	for _, c := range []struct {
		name string
		d    Device
		part string
	}{
		{"no such file", Device{KeyFile: p.path("none"), WorkerKeys: []string{PublicPath(worker)}}, "no such file"},
		{"no PEM", Device{KeyFile: p.path("rubbish"), WorkerKeys: []string{PublicPath(worker)}}, "no PEM block"},
		{"a public key to sign with", Device{KeyFile: public, WorkerKeys: []string{PublicPath(worker)}}, `a PEM block "PUBLIC KEY"`},
		{"a worker's key to sign with", Device{KeyFile: worker, WorkerKeys: []string{PublicPath(worker)}}, "another kind"},
		{"a device's key to seal to", Device{KeyFile: device, WorkerKeys: []string{public}}, "another kind"},
		{"a private key to seal to", Device{KeyFile: device, WorkerKeys: []string{worker}}, `a PEM block "PRIVATE KEY"`},
		{"nobody to seal to", Device{KeyFile: device}, "no public key of the workers"},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.d.Check(), c.part) })
	}
	wantError(t, GenerateDeviceKey(device), "is there already")
	wantError(t, (&Worker{}).Check(), "no private key")
	wantError(t, (&Worker{KeyFiles: []string{worker}, Devices: p.path("none")}).Check(), "is no directory")
	if info, err := os.Stat(device); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a private key with the mode %v, %v", info.Mode(), err)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	got, err := Fingerprint("testdata/worker.pub")
	keys, err2 := readWorkerPublic([]string{"testdata/worker.pub"})
	must(t, err)
	must(t, err2)
	if want := keys[0].id; got != hexOf(want[:]) {
		t.Errorf("fingerprint %s, want what envelopes call the key, %x", got, want)
	}
}

func FuzzKeys(f *testing.F) {
	for _, name := range []string{"device", "device.pub", "worker", "worker.pub"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		must(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys[ed25519.PublicKey](text, publicBlock, "a key", x509.ParsePKIXPublicKey)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		_, _ = parseKeys[any](text, privateBlock, "a key", x509.ParsePKCS8PrivateKey)
	})
}
