package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestInstallAndSwitch(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	policy := Policy{Trust: []PublicKey{public}}
	models := filepath.Join(t.TempDir(), "models")
	if _, err := Current(models, "student"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Current before any install: %v, want fs.ErrNotExist", err)
	}
	for _, ver := range []string{"1.9", "1.10"} {
		b, err := Install(writeBundle(t, ver, private), models, policy)
		must(t, err)
		current, err := Current(models, "student")
		must(t, err)
		if filepath.Base(current) != ver || filepath.Base(b.Dir) != ver {
			t.Errorf("current = %s, bundle %s; want version %s", current, b.Dir, ver)
		}
		_, err = policy.Verify(current)
		must(t, err)
	}
	must(t, Switch(models, "student", "1.9"))
	versions, err := Versions(models, "student")
	must(t, err)
	if !slices.Equal(versions, []string{"1.9", "1.10"}) {
		t.Errorf("Versions = %v", versions)
	}
	assertNoLeftovers(t, filepath.Join(models, "student"))
}

// assertNoLeftovers fails if a temporary name is left after an operation.
func assertNoLeftovers(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left in %s", e.Name(), dir)
		}
	}
}

func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	public, private := newKey(t)
	policy := Policy{Trust: []PublicKey{public}}
	models := filepath.Join(t.TempDir(), "models")
	_, err := Install(writeBundle(t, "1.0", private), models, policy)
	must(t, err)

	other := writeBundle(t, "1.0", PrivateKey{})
	if _, err := Install(other, models, policy); !errors.Is(err, ErrUnsigned) {
		t.Errorf("unsigned bundle: %v, want ErrUnsigned", err)
	}
	if _, err := Install(writeBundle(t, "1.0", private), models, policy); err != nil {
		t.Errorf("the same bundle again: %v", err)
	}
	changed := filepath.Join(t.TempDir(), "changed")
	weights := filepath.Join(t.TempDir(), "w")
	must(t, os.WriteFile(weights, []byte("other weights"), 0o644))
	_, err = Write(changed, Manifest{Name: "student", Version: "1.0", License: "MIT", Created: created}, map[string]string{ModelFile: weights}, private)
	must(t, err)
	if _, err := Install(changed, models, policy); err == nil || !strings.Contains(err.Error(), "another bundle of the same version") {
		t.Errorf("another bundle of the same version: %v", err)
	}
	if err := Switch(models, "student", "2.0"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Switch to a version that is not there: %v", err)
	}
	if err := Switch(models, "student", "../../etc"); err == nil {
		t.Error("Switch accepted a path as a version")
	}
	assertNoLeftovers(t, filepath.Join(models, "student"))
}

// TestSwitchIsAtomic reads `current` while it is switched back and forth: there is never a moment without a model.
func TestSwitchIsAtomic(t *testing.T) {
	t.Parallel()
	models := filepath.Join(t.TempDir(), "models")
	for _, ver := range []string{"1.0", "2.0"} {
		_, err := Install(writeBundle(t, ver, PrivateKey{}), models, Policy{AllowUnsigned: true})
		must(t, err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range 50 {
			must(t, Switch(models, "student", []string{"1.0", "2.0"}[i%2]))
		}
	})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if _, err := os.ReadFile(filepath.Join(models, "student", CurrentLink, ManifestFile)); err != nil {
					t.Errorf("current was not readable: %v", err)
					return
				}
			}
		}
	})
	wg.Wait()
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"1.9", "1.10", -1}, {"1.0~rc1", "1.0", -1}, {"1.0", "1.0", 0}, {"2", "1.9.9", 1}} {
		if got := CompareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("CompareVersions(%s, %s) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
