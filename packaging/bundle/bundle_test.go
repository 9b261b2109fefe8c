package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"aead.dev/minisign"
)

var created = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// newKey returns a key pair that is random: nothing in these tests depends on which one.
func newKey(t *testing.T) (PublicKey, PrivateKey) {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

// writeBundle writes a small bundle of version ver and returns its directory.
func writeBundle(t *testing.T, ver string, key PrivateKey) string {
	t.Helper()
	src := t.TempDir()
	files := map[string]string{ModelFile: filepath.Join(src, "weights"), CalibrationFile: filepath.Join(src, "curve")}
	must(t, os.WriteFile(files[ModelFile], []byte("GGUF weights of "+ver), 0o600))
	must(t, os.WriteFile(files[CalibrationFile], []byte(`{"threshold":0.8}`), 0o600))
	dir := filepath.Join(src, "bundle-"+ver)
	m := Manifest{Name: "student", Version: ver, License: "Apache-2.0", Created: created, Report: map[string]any{"intent_accuracy": 0.93}}
	if _, err := Write(dir, m, files, key); err != nil {
		t.Fatal(err)
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyGoodBundle(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	dir := writeBundle(t, "1.2.3", private)
	b, err := Verify(dir, public)
	must(t, err)
	if !b.Signed || b.Signer != KeyID(public) || b.Manifest.Version != "1.2.3" || len(b.Hash) != 64 {
		t.Errorf("bundle = %+v", b)
	}
	if b.Manifest.Sizes[ModelFile] != int64(len("GGUF weights of 1.2.3")) {
		t.Errorf("sizes = %v", b.Manifest.Sizes)
	}
	fromFS, err := VerifyFS(os.DirFS(dir), public)
	must(t, err)
	if fromFS.Hash != b.Hash || fromFS.Dir != "" {
		t.Errorf("VerifyFS = %+v, want hash %s and no directory", fromFS, b.Hash)
	}
}

func TestVerifyThroughLinkNamesTheVersion(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	dir := writeBundle(t, "1.0", private)
	link := filepath.Join(t.TempDir(), "current")
	must(t, os.Symlink(dir, link))
	b, err := Verify(link, public)
	must(t, err)
	want, err := filepath.EvalSymlinks(dir)
	must(t, err)
	if b.Dir != want {
		t.Errorf("Dir = %s, want %s", b.Dir, want)
	}
}

// TestVerifyTampered holds one row for each way to damage or forge a bundle.
func TestVerifyTampered(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	stranger, strangerKey := newKey(t)
	edit := func(name string, change func(string) string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			old, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(change(string(old))), 0o644))
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, name))) }
	}
	tests := []struct {
		name   string
		tamper func(*testing.T, string)
		want   error
		says   string
		bundle bool // returned beside the error
	}{
		{"weights changed", edit(ModelFile, func(s string) string { return strings.ToLower(s) }), ErrHash, "model.gguf: sha256 found", false},
		{"weights truncated", edit(ModelFile, func(s string) string { return s[:5] }), ErrHash, "model.gguf has 5 bytes", false},
		{"weights missing", remove(ModelFile), ErrHash, "model.gguf is missing", false},
		{"threshold changed", edit(CalibrationFile, func(s string) string { return strings.Replace(s, "8", "1", 1) }), ErrHash, "calibration.json", false},
		{"manifest changed", edit(ManifestFile, func(s string) string { return strings.Replace(s, "1.2.3", "9.2.3", 1) }), ErrSignature, "is not what key", false},
		{"manifest missing", remove(ManifestFile), ErrManifest, "manifest.json", false},
		{"manifest too large", edit(ManifestFile, func(s string) string { return s + strings.Repeat(" ", maxManifest) }), ErrManifest, "larger than", false},
		{"signature missing", remove(SignatureFile), ErrUnsigned, "allow unsigned", true},
		{"signature garbage", edit(SignatureFile, func(string) string { return "hello" }), ErrSignature, "damaged", false},
		{"signature bit flipped", edit(SignatureFile, flipSignature), ErrSignature, "is not what key", false},
		{"trusted comment changed", edit(SignatureFile, func(s string) string { return strings.Replace(s, "student 1.2.3", "student 9.9.9", 1) }), ErrSignature, "", false},
		{"signed by a stranger", func(t *testing.T, dir string) {
			raw, err := os.ReadFile(filepath.Join(dir, ManifestFile))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, SignatureFile), sign(strangerKey, raw, Manifest{}), 0o644))
		}, ErrUntrusted, KeyID(stranger), true},
		{"unlisted calibration", func(t *testing.T, dir string) {
			edit(ManifestFile, dropCalibration)(t, dir)
			raw, err := os.ReadFile(filepath.Join(dir, ManifestFile))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, SignatureFile), sign(private, raw, Manifest{}), 0o644))
		}, ErrHash, "calibration.json is in the bundle but not in", false},
		{"weights are a link out of the bundle", func(t *testing.T, dir string) {
			outside := filepath.Join(t.TempDir(), "outside")
			must(t, os.Rename(filepath.Join(dir, ModelFile), outside))
			must(t, os.Symlink(outside, filepath.Join(dir, ModelFile)))
		}, nil, "escapes", false},
		{"weights are a directory", func(t *testing.T, dir string) {
			remove(ModelFile)(t, dir)
			must(t, os.Mkdir(filepath.Join(dir, ModelFile), 0o755))
		}, nil, "not a regular file", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := writeBundle(t, "1.2.3", private)
			tt.tamper(t, dir)
			b, err := Verify(dir, public)
			if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error = %v, want %v with %q", err, tt.want, tt.says)
			}
			if (b != nil) != tt.bundle {
				t.Errorf("bundle = %+v, want one: %v", b, tt.bundle)
			}
			if b != nil && b.Signed {
				t.Error("Signed is true beside an error")
			}
		})
	}
}

// flipSignature changes one character inside the base64 of the signature, behind algorithm and key id.
func flipSignature(s string) string {
	lines := strings.Split(s, "\n")
	c := byte('A')
	if lines[1][40] == c {
		c = 'B'
	}
	lines[1] = lines[1][:40] + string(c) + lines[1][41:]
	return strings.Join(lines, "\n")
}

func dropCalibration(manifest string) string {
	var kept []string
	for _, line := range strings.Split(manifest, "\n") {
		if !strings.Contains(line, CalibrationFile) {
			kept = append(kept, line)
		}
	}
	// calibration.json sorts first, so no comma is left dangling.
	return strings.Join(kept, "\n")
}

func TestVerifyWithoutTrustedKeys(t *testing.T) {
	t.Parallel()
	_, private := newKey(t)
	b, err := Verify(writeBundle(t, "1.0", private))
	if !errors.Is(err, ErrUntrusted) || b == nil || b.Signed || !strings.Contains(err.Error(), "trusted are none") {
		t.Errorf("Verify = %+v, %v", b, err)
	}
}

func TestVerifyMissingDirectory(t *testing.T) {
	t.Parallel()
	if _, err := Verify(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want fs.ErrNotExist", err)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	signed, unsigned := writeBundle(t, "1.0", private), writeBundle(t, "1.0", PrivateKey{})
	tests := []struct {
		name   string
		dir    string
		policy Policy
		want   error
	}{
		{"signed, trusted", signed, Policy{Trust: []PublicKey{public}}, nil},
		{"signed, nobody trusted", signed, Policy{}, ErrUntrusted},
		{"signed, nobody trusted, unsigned allowed", signed, Policy{AllowUnsigned: true}, nil},
		{"unsigned", unsigned, Policy{Trust: []PublicKey{public}}, ErrUnsigned},
		{"unsigned, allowed", unsigned, Policy{AllowUnsigned: true}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := tt.policy.Verify(tt.dir)
			if !errors.Is(err, tt.want) || (err == nil) != (b != nil) {
				t.Errorf("Verify = %v, %v; want error %v", b, err, tt.want)
			}
		})
	}
}

func TestPolicyNeverAllowsBrokenHashes(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t, "1.0", PrivateKey{})
	must(t, os.WriteFile(filepath.Join(dir, ModelFile), []byte("other"), 0o644))
	if _, err := (Policy{AllowUnsigned: true}).Verify(dir); !errors.Is(err, ErrHash) {
		t.Errorf("error = %v, want ErrHash", err)
	}
}

// FuzzVerify checks that no manifest and no signature, however hostile, makes VerifyFS panic or accept.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"format":1}`), []byte("untrusted comment: x\n"))
	f.Add([]byte(`{"format":1,"name":"student","version":"1","license":"MIT","created":"2026-11-23T12:00:00Z","files":{"../model.gguf":""},"sizes":{}}`), []byte{})
	f.Fuzz(func(t *testing.T, manifest, signature []byte) {
		public, _, err := minisign.GenerateKey(nil)
		must(t, err)
		fsys := fstest.MapFS{ManifestFile: {Data: manifest}, SignatureFile: {Data: signature}, ModelFile: {Data: []byte("x")}}
		if b, err := VerifyFS(fsys, public); err == nil {
			t.Errorf("accepted %+v", b)
		}
	})
}
