//go:build e2e

package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDebianMinisign: the distribution's own minisign accepts what we sign and refuses what was altered.
func TestDebianMinisign(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "maker.key")
	_, err := GenerateKey(key, "")
	must(t, err)
	private, err := ReadPrivateKey(key, "")
	must(t, err)
	dir := writeBundle(t, "1.0", private)
	manifest := filepath.Join(dir, ManifestFile)
	verify := func() ([]byte, error) {
		return exec.Command("minisign", "-V", "-H", "-p", PublicPath(key), "-m", manifest).CombinedOutput()
	}
	if out, err := verify(); err != nil {
		t.Fatalf("minisign -V refuses our signature (is the package minisign installed?): %v\n%s", err, out)
	}
	must(t, os.WriteFile(manifest, []byte("{}"), 0o644))
	if out, err := verify(); err == nil {
		t.Errorf("minisign -V accepts an altered manifest:\n%s", out)
	}
}

// TestEncryptedKey is not parallel: unlocking takes a gigabyte each time.
func TestEncryptedKey(t *testing.T) {
	path := roundTripKey(t, "correct horse")
	_, err := ReadPrivateKey(path, "guess-4711")
	if err == nil || !strings.Contains(err.Error(), "wrong password") || strings.Contains(err.Error(), "4711") {
		t.Errorf("error = %v, want that the password is wrong, without the password", err)
	}
}
