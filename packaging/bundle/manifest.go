package bundle

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// Format is the manifest format this package writes and reads.
const Format = 1

// Limits on what is read into memory before it can be trusted.
const (
	maxManifest  = 1 << 20
	maxSignature = 4 << 10
)

// knownFiles are the files a manifest may list; the first is required.
var knownFiles = []string{ModelFile, CalibrationFile}

// Names and versions are also directory names, parts of Debian package names and Debian versions, so they take the
// intersection of what those allow. A version starts with a digit and hence never is "current" or "..".
var (
	validName    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,62}$`)
	validVersion = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~]{0,62}$`)
)

// Manifest describes a bundle. Its JSON is deterministic: fixed field order, sorted map keys, two-space indent,
// newline at the end.
//
// Fields that this version does not know are ignored: the signature covers them all the same, and a newer maker can
// add facts without cutting off older devices. A change that an older device would misread raises Format.
type Manifest struct {
	Format  int               `json:"format"`
	Name    string            `json:"name"`             // lower-case letters, digits, '.', '-'
	Version string            `json:"version"`          // a Debian upstream version: starts with a digit, no '-'
	License string            `json:"license"`          // SPDX expression
	Created time.Time         `json:"created"`          // UTC, whole seconds
	Files   map[string]string `json:"files"`            // file name -> SHA-256 in lower-case hex
	Sizes   map[string]int64  `json:"sizes"`            // file name -> bytes
	Report  map[string]any    `json:"report,omitempty"` // evaluation through the real engine
	Speed   *Speed            `json:"speed,omitempty"`  // what the maker claims; the self-test's floor comes from it
}

// Speed is a claim about one machine.
type Speed struct {
	DecodeTokensPerSecond  float64 `json:"decode_tokens_per_second"`
	PrefillTokensPerSecond float64 `json:"prefill_tokens_per_second"`
	Threads                int     `json:"threads"`
	Machine                string  `json:"machine"` // free text: processor and kernel tier
}

// Encode writes the manifest in its one form, after checking it.
func (m Manifest) Encode() ([]byte, error) {
	m.Created = m.Created.UTC().Truncate(time.Second)
	if err := m.check(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("%w: encode: %w", ErrManifest, err)
	}
	if out.Len() > maxManifest {
		return nil, fmt.Errorf("%w: %d bytes of JSON, the limit is %d: shorten the report", ErrManifest, out.Len(), maxManifest)
	}
	return out.Bytes(), nil
}

// DecodeManifest reads exactly one JSON object and checks what it says.
func DecodeManifest(data []byte) (Manifest, error) {
	var m Manifest
	if len(data) > maxManifest {
		return m, fmt.Errorf("%w: %d bytes, the limit is %d", ErrManifest, len(data), maxManifest)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("%w: %s: %w", ErrManifest, ManifestFile, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Manifest{}, fmt.Errorf("%w: %s: data after the JSON object", ErrManifest, ManifestFile)
	}
	if err := m.check(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func (m Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("%w: format %d, this cusp reads format %d: update cusp", ErrManifest, m.Format, Format)
	}
	if err := CheckName(m.Name); err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if err := CheckVersion(m.Version); err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.License == "" {
		return fmt.Errorf("%w: license is empty: name the SPDX identifier of the model's licence", ErrManifest)
	}
	return m.checkFileTable()
}

func (m Manifest) checkFileTable() error {
	if _, ok := m.Files[ModelFile]; !ok {
		return fmt.Errorf("%w: files does not list %s", ErrManifest, ModelFile)
	}
	for name, sum := range m.Files {
		if !slices.Contains(knownFiles, name) {
			return fmt.Errorf("%w: files lists %q, allowed are %q", ErrManifest, name, knownFiles)
		}
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 || hex.EncodeToString(raw) != sum {
			return fmt.Errorf("%w: files[%q] is %q, expected a SHA-256 in lower-case hex", ErrManifest, name, sum)
		}
		if size, ok := m.Sizes[name]; !ok || size < 0 {
			return fmt.Errorf("%w: sizes[%q] is missing or negative", ErrManifest, name)
		}
	}
	if len(m.Sizes) != len(m.Files) {
		return fmt.Errorf("%w: sizes lists %d files, files lists %d", ErrManifest, len(m.Sizes), len(m.Files))
	}
	return nil
}

// CheckName refuses a model name that could not be a directory and a part of a package name.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("model name %q: allowed are 2 to 63 of a-z, 0-9, '.', '-', starting with a letter or digit", name)
	}
	return nil
}

// CheckVersion refuses a version that could not be a directory and a Debian version.
func CheckVersion(version string) error {
	if !validVersion.MatchString(version) {
		return fmt.Errorf("model version %q: allowed are up to 63 of 0-9, A-Z, a-z, '.', '+', '~', starting with a digit", version)
	}
	return nil
}
