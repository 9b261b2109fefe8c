package linux

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/a472be26/cusp/packaging/bundle"
)

// newRepo writes a repository of one daemon and two versions of a model.
func newRepo(t *testing.T, key *RepoKey) string {
	t.Helper()
	dir := t.TempDir()
	o := daemonOptions(t)
	o.Out, o.Trust = filepath.Join(dir, "pool"), nil
	_, err := PackDaemon(t.Context(), o)
	must(t, err)
	for _, version := range []string{"1.0", "1.1"} {
		_, err := PackModel(writeBundle(t, version, bundle.PrivateKey{}), o.Out, anyPolicy)
		must(t, err)
	}
	must(t, Repo(dir, key, day))
	return dir
}

func newRepoKey(t *testing.T) *RepoKey {
	t.Helper()
	key, err := GenerateRepoKey(filepath.Join(t.TempDir(), "repo.key"), "test repository", "", day)
	must(t, err)
	return key
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return string(text)
}

func TestRepoIndexes(t *testing.T) {
	t.Parallel()
	dir := newRepo(t, newRepoKey(t))
	arm := read(t, dir, "dists/stable/main/binary-arm64/Packages")
	if strings.Count(arm, "Package: ") != 3 || strings.Index(arm, "Version: 1.0\n") > strings.Index(arm, "Version: 1.1\n") {
		t.Errorf("arm64 index:\n%s", arm)
	}
	for _, line := range strings.Split(arm, "\n") {
		if name, ok := strings.CutPrefix(line, "Filename: "); ok {
			sum := fmt.Sprintf("SHA256: %x\n", sha256.Sum256([]byte(read(t, dir, name))))
			if !strings.Contains(arm, sum) {
				t.Errorf("%s: the index does not have its hash", name)
			}
		}
	}
	amd := read(t, dir, "dists/stable/main/binary-amd64/Packages")
	if strings.Contains(amd, "arm64") || strings.Count(amd, "Package: ") != 2 {
		t.Errorf("amd64 index:\n%s", amd)
	}
}

func TestRepoReleaseNamesEveryIndex(t *testing.T) {
	t.Parallel()
	dir := newRepo(t, newRepoKey(t))
	release := read(t, dir, "dists/stable/Release")
	for _, arch := range Architectures {
		for _, name := range []string{"Packages", "Packages.gz"} {
			rel := "main/binary-" + arch + "/" + name
			data := read(t, dir, "dists/stable", rel)
			line := fmt.Sprintf(" %x %d %s\n", sha256.Sum256([]byte(data)), len(data), rel)
			if !strings.Contains(release, line) {
				t.Errorf("Release lacks %q", line)
			}
			byHash := fmt.Sprintf("dists/stable/main/binary-%s/by-hash/SHA256/%x", arch, sha256.Sum256([]byte(data)))
			if read(t, dir, byHash) != data {
				t.Errorf("%s is not the index", byHash)
			}
		}
	}
	if !strings.Contains(release, "Date: Mon, 23 Nov 2026 12:00:00 UTC\n") {
		t.Errorf("Release:\n%s", release)
	}
}

func TestRepoSignatures(t *testing.T) {
	t.Parallel()
	dir := newRepo(t, newRepoKey(t))
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(read(t, dir, KeyringFile)))
	must(t, err)
	if ring[0].PrivateKey != nil {
		t.Fatal("the published key holds the private half")
	}
	config := signConfig(day)
	release := read(t, dir, "dists/stable/Release")
	_, err = openpgp.CheckArmoredDetachedSignature(ring, strings.NewReader(release), strings.NewReader(read(t, dir, "dists/stable/Release.gpg")), config)
	must(t, err)
	block, rest := clearsign.Decode([]byte(read(t, dir, "dists/stable/InRelease")))
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		t.Fatal("InRelease is not one signed message")
	}
	_, err = block.VerifySignature(ring, config)
	must(t, err)
	if string(block.Plaintext) != release {
		t.Errorf("InRelease signs\n%s\nRelease is\n%s", block.Plaintext, release)
	}
	if ring[0].PrimaryKey.Version != 4 || ring[0].PrimaryKey.PubKeyAlgo != packet.PubKeyAlgoEdDSA {
		t.Errorf("key version %d, algorithm %d: apt 2.6 would refuse it", ring[0].PrimaryKey.Version, ring[0].PrimaryKey.PubKeyAlgo)
	}
}

func TestRepoIsDeterministic(t *testing.T) {
	t.Parallel()
	key := newRepoKey(t)
	a, b := os.DirFS(newRepo(t, key)), os.DirFS(newRepo(t, key))
	err := fs.WalkDir(a, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		first, err := fs.ReadFile(a, path)
		must(t, err)
		second, err := fs.ReadFile(b, path)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s differs between two runs (%v)", path, err)
		}
		return nil
	})
	must(t, err)
}

func TestRepoRefuses(t *testing.T) {
	t.Parallel()
	key := newRepoKey(t)
	if err := Repo(t.TempDir(), key, day); err == nil || !strings.Contains(err.Error(), "no .deb file") {
		t.Errorf("empty directory: %v", err)
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "broken.deb"), []byte("!<arch>\nrubbish"), 0o644))
	if err := Repo(dir, key, day); err == nil || !strings.Contains(err.Error(), "broken.deb") {
		t.Errorf("broken package: %v", err)
	}
}

func TestRepoKeyFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "repo.key")
	_, err := GenerateRepoKey(path, "owner", "pass phrase", day)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	for _, tt := range []struct{ password, says string }{{"", bundle.PasswordEnv}, {"guess-4711", "wrong password"}} {
		_, err := ReadRepoKey(path, tt.password)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "4711") {
			t.Errorf("password %q: error = %v, want %q", tt.password, err, tt.says)
		}
	}
	key, err := ReadRepoKey(path, "pass phrase")
	must(t, err)
	_, err = key.detachSign([]byte("text"), day)
	must(t, err)
	if _, err := ReadRepoKey(RepoKeyPublicPath(path), ""); err == nil || !strings.Contains(err.Error(), "expected one private key") {
		t.Errorf("public key as private key: %v", err)
	}
	if _, err := GenerateRepoKey(path, "owner", "", day); err == nil {
		t.Error("GenerateRepoKey overwrote a key")
	}
}
