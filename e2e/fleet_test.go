//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
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

// fleet is the maker's side: keys, packages, and the repository that devices read over HTTP.
type fleet struct {
	t                 *testing.T
	dir, url          string    // of the repository
	modelKey, repoKey string    // files
	indexed           time.Time // date of the last Release
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: filepath.Join(t.TempDir(), "repository"), indexed: time.Now().Add(-time.Hour)}
	f.newModelKey()
	f.repoKey = filepath.Join(t.TempDir(), "repository.key")
	_, err := linux.GenerateRepoKey(f.repoKey, "Cusp test fleet", "", f.indexed.Add(-time.Hour))
	must(t, err)
	server := httptest.NewServer(http.FileServer(http.Dir(f.dir)))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// newModelKey makes a key that signs the models from now on; daemons packed earlier do not trust it.
func (f *fleet) newModelKey() {
	f.t.Helper()
	f.modelKey = filepath.Join(f.t.TempDir(), "maker.key")
	_, err := bundle.GenerateKey(f.modelKey, "")
	must(f.t, err)
}

// addDaemon builds this working tree and packs it.
func (f *fleet) addDaemon(version string) {
	f.t.Helper()
	config, err := os.ReadFile("../daemon/cusp.toml")
	must(f.t, err)
	_, err = linux.PackDaemon(f.t.Context(), linux.DaemonOptions{
		Arch: runtime.GOARCH, Version: version, Source: "..", Config: config,
		Trust: []string{bundle.PublicPath(f.modelKey)}, Time: f.indexed, Out: filepath.Join(f.dir, "pool"),
	})
	must(f.t, err)
}

// addModel packs the built-in student under another version, signed with the fleet's key, and returns the bundle's hash.
func (f *fleet) addModel(version string) (hash string) {
	f.t.Helper()
	student, err := builtin.Student()
	must(f.t, err)
	src := f.t.TempDir()
	files := map[string]string{}
	for _, name := range []string{bundle.ModelFile, bundle.CalibrationFile} {
		files[name] = filepath.Join(src, name)
		copyOut(f.t, student, name, files[name])
	}
	key, err := bundle.ReadPrivateKey(f.modelKey, "")
	must(f.t, err)
	m := bundle.Manifest{Name: modelName, Version: version, License: "Apache-2.0", Created: f.indexed}
	b, err := bundle.Write(filepath.Join(src, "bundle"), m, files, key)
	must(f.t, err)
	public, err := bundle.ReadPublicKey(bundle.PublicPath(f.modelKey))
	must(f.t, err)
	_, err = linux.PackModel(b.Dir, filepath.Join(f.dir, "pool"), bundle.Policy{Trust: []bundle.PublicKey{public}})
	must(f.t, err)
	return b.Hash
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

// publish signs the repository as it is now, a minute after the last time.
func (f *fleet) publish() {
	f.t.Helper()
	key, err := linux.ReadRepoKey(f.repoKey, "")
	must(f.t, err)
	f.indexed = f.indexed.Add(time.Minute)
	must(f.t, linux.Repo(f.dir, key, f.indexed))
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
