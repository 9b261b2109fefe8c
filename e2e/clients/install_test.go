//go:build e2e

package clients

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// installed is the directory into which install puts what the lock file names. It
// is made once for each contents of the file; what is left of an attempt that
// failed is not used.
func installed(t *testing.T, lock string, install func(dir string) []*exec.Cmd) string {
	t.Helper()
	text, err := os.ReadFile(lock)
	must(t, err)
	home := filepath.Join(cache(t), "clients")
	must(t, os.MkdirAll(home, 0o755))
	sum := sha256.Sum256(text)
	dir := filepath.Join(home, fmt.Sprintf("%s-%x", filepath.Base(filepath.Dir(lock)), sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	making, err := os.MkdirTemp(home, ".making-")
	must(t, err)
	defer os.RemoveAll(making)
	for _, c := range install(making) {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	must(t, os.Rename(making, dir))
	return dir
}

// cache is the directory that is kept between runs.
func cache(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("CUSP_CACHE"); dir != "" {
		return dir
	}
	base, err := os.UserCacheDir()
	must(t, err)
	return filepath.Join(base, "cusp")
}

// python is an interpreter that has the packages of python/requirements.txt.
func python(t *testing.T) string {
	t.Helper()
	need(t, "python3", "python3 python3-venv")
	if out, err := exec.Command("python3", "-c", "import ensurepip, venv").CombinedOutput(); err != nil {
		t.Fatalf("python3 has no venv: apt-get install python3-venv\n%s", out)
	}
	lock := absolute(t, "python/requirements.txt")
	dir := installed(t, lock, func(dir string) []*exec.Cmd {
		return []*exec.Cmd{
			exec.Command("python3", "-m", "venv", dir),
			exec.Command(filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", lock),
		}
	})
	return filepath.Join(dir, "bin", "python")
}

// node is a Node that has the packages of node/package-lock.json, and where they
// are. Debian's own is older than the openai package wants.
func node(t *testing.T) (program, modules string) {
	t.Helper()
	need(t, "npm", "npm")
	lock := absolute(t, "node/package-lock.json")
	dir := installed(t, lock, func(dir string) []*exec.Cmd {
		files := exec.Command("cp", lock, filepath.Join(filepath.Dir(lock), "package.json"), dir)
		npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		npm.Dir = dir
		return []*exec.Cmd{files, npm}
	})
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	modules = filepath.Join(dir, "node_modules")
	return filepath.Join(modules, "node-linux-"+arch, "bin", "node"), modules
}

func need(t *testing.T, tool, packages string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", tool, packages)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	must(t, err)
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
