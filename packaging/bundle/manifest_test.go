package bundle

import (
	"errors"
	"strings"
	"testing"
)

const goodSum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func goodManifest() Manifest {
	return Manifest{Format: Format, Name: "student", Version: "1.0", License: "Apache-2.0", Created: created,
		Files: map[string]string{ModelFile: goodSum}, Sizes: map[string]int64{ModelFile: 0}, Report: map[string]any{"b": 1.0, "a": "<x>"}}
}

func TestManifestEncodesOneWay(t *testing.T) {
	t.Parallel()
	const want = `{
  "format": 1,
  "name": "student",
  "version": "1.0",
  "license": "Apache-2.0",
  "created": "2026-11-23T12:00:00Z",
  "files": {
    "model.gguf": "` + goodSum + `"
  },
  "sizes": {
    "model.gguf": 0
  },
  "report": {
    "a": "<x>",
    "b": 1
  }
}
`
	got, err := goodManifest().Encode()
	must(t, err)
	if string(got) != want {
		t.Errorf("Encode =\n%s\nwant\n%s", got, want)
	}
	again, err := DecodeManifest(got)
	must(t, err)
	if twice, err := again.Encode(); err != nil || string(twice) != want {
		t.Errorf("decoded and encoded again = %s, %v", twice, err)
	}
}

func TestDecodeManifestIgnoresNewFields(t *testing.T) {
	t.Parallel()
	raw, err := goodManifest().Encode()
	must(t, err)
	newer := strings.Replace(string(raw), `"format": 1,`, `"format": 1, "energy_joules": 3,`, 1)
	if _, err := DecodeManifest([]byte(newer)); err != nil {
		t.Errorf("a manifest with a new field: %v", err)
	}
}

func TestManifestRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Manifest)
		says   string
	}{
		{"newer format", func(m *Manifest) { m.Format = 2 }, "update cusp"},
		{"name with a path", func(m *Manifest) { m.Name = "../student" }, "model name"},
		{"name in upper case", func(m *Manifest) { m.Name = "Student" }, "model name"},
		{"version with a path", func(m *Manifest) { m.Version = "1/../../x" }, "model version"},
		{"version current", func(m *Manifest) { m.Version = "current" }, "model version"},
		{"version with a revision", func(m *Manifest) { m.Version = "1.0-1" }, "model version"},
		{"no license", func(m *Manifest) { m.License = "" }, "license"},
		{"no model", func(m *Manifest) { m.Files = nil }, "does not list model.gguf"},
		{"file with a path", func(m *Manifest) { m.Files["../../etc/passwd"] = goodSum }, "allowed are"},
		{"file of another name", func(m *Manifest) { m.Files["run.sh"] = goodSum }, "allowed are"},
		{"the manifest itself", func(m *Manifest) { m.Files[ManifestFile] = goodSum }, "allowed are"},
		{"short hash", func(m *Manifest) { m.Files[ModelFile] = goodSum[:62] }, "SHA-256"},
		{"hash in upper case", func(m *Manifest) { m.Files[ModelFile] = strings.ToUpper(goodSum) }, "lower-case"},
		{"no size", func(m *Manifest) { m.Sizes = nil }, "sizes"},
		{"negative size", func(m *Manifest) { m.Sizes[ModelFile] = -1 }, "negative"},
		{"size of nothing", func(m *Manifest) { m.Sizes[CalibrationFile] = 1 }, "sizes lists 2 files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := goodManifest()
			tt.change(&m)
			if _, err := m.Encode(); !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want ErrManifest with %q", err, tt.says)
			}
		})
	}
}

func TestDecodeManifestRefusesBadJSON(t *testing.T) {
	t.Parallel()
	raw, err := goodManifest().Encode()
	must(t, err)
	for _, bad := range []string{"", "null", "[]", string(raw[:40]), string(raw) + "{}", `{"format":"1"}`} {
		if _, err := DecodeManifest([]byte(bad)); !errors.Is(err, ErrManifest) {
			t.Errorf("DecodeManifest(%.40q) = %v, want ErrManifest", bad, err)
		}
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"name":"student","version":"1.0","license":"MIT","created":"2026-11-23T12:00:00Z","files":{"model.gguf":"` + goodSum + `"},"sizes":{"model.gguf":3}}`))
	f.Add([]byte(`{"format":1,"files":{"model.gguf":null},"sizes":{"model.gguf":1e99}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeManifest(data)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err == nil {
			_, err := DecodeManifest(again)
			must(t, err)
		}
	})
}
