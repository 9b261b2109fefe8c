package envelope

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// Nothing that anybody can send makes a worker or a device panic, and what is not
// sealed comes out as it went in.
func FuzzEnvelope(f *testing.F) {
	c := newCodec(f)
	wrapped, err := c.Wrap(Ask, "q", bytes.Repeat([]byte("again "), 100))
	must(f, err)
	d := &Device{Name: "lamp", KeyFile: "testdata/device", WorkerKeys: []string{"testdata/worker.pub"}}
	sealed, secret, err := d.Seal(c, Ask, "q", now, []byte("x"))
	must(f, err)
	answer, err := secret.Seal(c, "q", 1, []byte("y"))
	must(f, err)
	for _, seed := range [][]byte{wrapped, sealed, answer, []byte("CUSP\x02\x01\x00\x01q"), []byte("{}")} {
		f.Add(seed)
	}
	keys, err := readWorkerKeys([]string{"testdata/worker"})
	must(f, err)
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := Parse(payload)
		if err != nil {
			return
		}
		if !e.Sealed {
			body, err := c.Unwrap(e)
			if err == nil && len(body) > 1<<20 {
				t.Fatalf("%d bytes came out", len(body))
			}
			return
		}
		if e.Kind == Answer {
			_, _ = secret.Open(c, e)
			return
		}
		_, _, _ = openFrom(c, keys[0].key, "lamp", e)
	})
}

func FuzzUnpad(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 'x'})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := unpad(text)
		if err == nil && !bytes.Equal(pad(body)[:4+len(body)], text[:4+len(body)]) {
			t.Fatal("it does not come back")
		}
	})
}
