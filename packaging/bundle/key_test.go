package bundle

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Encrypted keys take seconds and a gigabyte of memory to unlock, which is their purpose: only the end-to-end tests do it.

func TestGenerateAndReadKey(t *testing.T) {
	t.Parallel()
	roundTripKey(t, "")
}

// roundTripKey generates a key and reads both halves back.
func roundTripKey(t *testing.T, password string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "maker.key")
	public, err := GenerateKey(path, password)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("private key has mode %v, want 0600", info.Mode().Perm())
	}
	private, err := ReadPrivateKey(path, password)
	must(t, err)
	read, err := ReadPublicKey(PublicPath(path))
	must(t, err)
	if !public.Equal(read) || !public.Equal(private.Public()) {
		t.Errorf("keys differ: generated %v, file %v", public, read)
	}
	return path
}

func TestGenerateKeyOverwritesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "maker.key")
	_, err := GenerateKey(path, "")
	must(t, err)
	before, err := os.ReadFile(path)
	must(t, err)
	if _, err := GenerateKey(path, ""); err == nil {
		t.Error("second GenerateKey succeeded")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the first key is gone (%v)", err)
	}
}

// lockedKey looks like an encrypted key to the reader, which asks for the password before it looks further.
const lockedKey = `untrusted comment: minisign encrypted secret key
RWRTY0Iy`

func TestReadPrivateKeyErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	locked, garbage := filepath.Join(dir, "locked.key"), filepath.Join(dir, "garbage.key")
	must(t, os.WriteFile(locked, []byte(lockedKey), 0o600))
	must(t, os.WriteFile(garbage, []byte("not a key"), 0o600))
	for _, tt := range []struct{ name, path, says string }{
		{"no password", locked, PasswordEnv},
		{"garbage", garbage, "not a minisign private key"},
		{"missing", filepath.Join(dir, "none.key"), "no such file"},
	} {
		if _, err := ReadPrivateKey(tt.path, ""); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error = %v, want %q", tt.name, err, tt.says)
		}
	}
}

func TestPasswordFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(file, []byte("from file\n"), 0o600))
	for _, tt := range []struct{ env, file, want string }{{"", "", ""}, {"direct", file, "direct"}, {"", file, "from file"}} {
		t.Setenv(PasswordEnv, tt.env)
		t.Setenv(PasswordFileEnv, tt.file)
		if got, err := PasswordFromEnv(); err != nil || got != tt.want {
			t.Errorf("PasswordFromEnv with %+v = %q, %v", tt, got, err)
		}
	}
}

func TestReadTrust(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := GenerateKey(filepath.Join(dir, "a.key"), "")
	must(t, err)
	_, err = GenerateKey(filepath.Join(dir, "b.key"), "")
	must(t, err)
	one, err := ReadTrust(filepath.Join(dir, "a.pub"))
	must(t, err)
	if len(one) != 1 || !one[0].Equal(first) {
		t.Errorf("ReadTrust(file) = %v", one)
	}
	if all, err := ReadTrust(dir); err != nil || len(all) != 2 {
		t.Errorf("ReadTrust(directory) = %v, %v", all, err)
	}
	if none, err := ReadTrust(filepath.Join(dir, "nothing")); err != nil || none != nil {
		t.Errorf("ReadTrust(missing) = %v, %v", none, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "c.pub"), []byte("rubbish"), fs.FileMode(0o644)))
	if _, err := ReadTrust(dir); err == nil || !strings.Contains(err.Error(), "c.pub") {
		t.Errorf("ReadTrust with a damaged key: %v", err)
	}
}
