//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/packaging/bundle"
	"github.com/a472be26/cusp/packaging/linux"
)

// modelName is the model that the packaged configuration runs.
const modelName = "cusp-student"

// fleet is the maker's side, worked with the commands that a maker uses: keys, packages, and the repository that
// devices read over HTTP.
type fleet struct {
	t                 *testing.T
	cusp              string    // executable, built from this working tree
	dir, url          string    // of the repository
	modelKey, repoKey string    // files
	now               time.Time // date of what is made next
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	work := t.TempDir()
	f := &fleet{
		t: t, cusp: filepath.Join(work, "cusp"), dir: filepath.Join(work, "repository"),
		repoKey: filepath.Join(work, "repository.key"), now: time.Now().Add(-time.Hour),
	}
	must(t, linux.BuildDaemon(t.Context(), "..", runtime.GOARCH, "0.1.0", f.cusp))
	must(t, os.MkdirAll(f.pool(), 0o755))
	f.run("pack", "key", "--kind", "repo", f.repoKey)
	f.newModelKey()
	server := httptest.NewServer(http.FileServer(http.Dir(f.dir)))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fleet) pool() string { return filepath.Join(f.dir, "pool") }

// run runs a cusp command; every package and index is a minute younger than the one before.
func (f *fleet) run(args ...string) {
	f.t.Helper()
	f.now = f.now.Add(time.Minute)
	cmd := exec.Command(f.cusp, args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", f.now.Unix()))
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("cusp %q: %v\n%s", args, err, out)
	}
}

// newModelKey makes a key that signs the models from now on; daemons packed earlier do not trust it.
func (f *fleet) newModelKey() {
	f.t.Helper()
	f.modelKey = filepath.Join(f.t.TempDir(), "maker.key")
	f.run("pack", "key", f.modelKey)
}

// addDaemon packs this working tree, with trust in the present model key.
func (f *fleet) addDaemon() {
	f.t.Helper()
	f.run("pack", "daemon", "--arch", runtime.GOARCH, "--binary", f.cusp, "--trust", bundle.PublicPath(f.modelKey), "--out", f.pool())
}

// addModel packs the built-in student under another version, signed with the fleet's key, and returns the bundle's hash.
func (f *fleet) addModel(version string) (hash string) {
	f.t.Helper()
	student, err := builtin.Student()
	must(f.t, err)
	src := f.t.TempDir()
	model, calibration := filepath.Join(src, bundle.ModelFile), filepath.Join(src, bundle.CalibrationFile)
	copyOut(f.t, student, bundle.ModelFile, model)
	copyOut(f.t, student, bundle.CalibrationFile, calibration)
	dir := filepath.Join(src, "bundle")
	f.run("pack", "bundle", model, "--name", modelName, "--release", version, "--calibration", calibration, "--key", f.modelKey, "--out", dir)
	f.run("pack", "model", dir, "--trust", bundle.PublicPath(f.modelKey), "--out", f.pool())
	b, err := f.policy().Verify(dir)
	must(f.t, err)
	return b.Hash
}

// policy trusts the fleet's present model key only.
func (f *fleet) policy() bundle.Policy {
	f.t.Helper()
	public, err := bundle.ReadPublicKey(bundle.PublicPath(f.modelKey))
	must(f.t, err)
	return bundle.Policy{Trust: []bundle.PublicKey{public}}
}

// publish signs the repository as it is now.
func (f *fleet) publish() {
	f.t.Helper()
	f.run("pack", "repo", f.dir, "--key", f.repoKey)
}

func copyOut(t *testing.T, fsys fs.FS, name, dst string) {
	t.Helper()
	in, err := fsys.Open(name)
	must(t, err)
	defer in.Close()
	out, err := os.Create(dst)
	must(t, err)
	defer out.Close()
	_, err = io.Copy(out, in)
	must(t, err)
}

// join makes a machine a device of the fleet, which knows no other source of packages.
func (f *fleet) join(m *machine) {
	f.t.Helper()
	public, err := os.ReadFile(linux.RepoKeyPublicPath(f.repoKey))
	must(f.t, err)
	m.write("/etc/apt/keyrings/cusp.asc", string(public))
	m.write("/etc/apt/sources.list", "")
	source := "deb [signed-by=/etc/apt/keyrings/cusp.asc] " + f.url + " " + linux.Suite + " " + linux.Component + "\n"
	m.write("/etc/apt/sources.list.d/cusp.list", source)
}

// alter changes published files behind the signature's back and returns a function that undoes it. Only files that
// contain the text are changed; at least one must.
func (f *fleet) alter(pattern, from, to string) (undo func()) {
	f.t.Helper()
	paths, err := filepath.Glob(filepath.Join(f.dir, pattern))
	must(f.t, err)
	before := map[string][]byte{}
	for _, path := range paths {
		old, err := os.ReadFile(path)
		must(f.t, err)
		changed := bytes.Replace(old, []byte(from), []byte(to), 1)
		if !bytes.Equal(changed, old) {
			before[path] = old
			must(f.t, os.WriteFile(path, changed, 0o644))
		}
	}
	if len(before) == 0 {
		f.t.Fatalf("no file %s contains %q", pattern, from)
	}
	return func() {
		for path, old := range before {
			must(f.t, os.WriteFile(path, old, 0o644))
		}
	}
}
