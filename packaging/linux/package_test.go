package linux

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a472be26/cusp/packaging/bundle"
	"pault.ag/go/debian/deb"
)

var (
	day       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	anyPolicy = bundle.Policy{AllowUnsigned: true}
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// content is a package taken apart: control fields and the name, mode and owner of each file.
type content struct {
	control map[string]string
	files   map[string]*tar.Header
	data    map[string]string
}

func readDeb(t *testing.T, path string) content {
	t.Helper()
	d, closeDeb, err := deb.LoadFile(path)
	must(t, err)
	defer closeDeb()
	c := content{control: d.Control.Values, files: map[string]*tar.Header{}, data: map[string]string{}}
	for {
		h, err := d.Data.Next()
		if errors.Is(err, io.EOF) {
			return c
		}
		must(t, err)
		text, err := io.ReadAll(d.Data)
		must(t, err)
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "."), "/")
		c.files[name], c.data[name] = h, string(text)
	}
}

func daemonOptions(t *testing.T) DaemonOptions {
	t.Helper()
	key := filepath.Join(t.TempDir(), "maker.key")
	_, err := bundle.GenerateKey(key, "")
	must(t, err)
	return DaemonOptions{
		Arch: "arm64", Version: "v0.2.0-rc1", Binary: writeFile(t, "cusp", "\x7fELF"), Config: []byte("# config\n"),
		Trust: []string{bundle.PublicPath(key)}, Notice: []byte("credits\n"), Time: day,
		Manual: Manual{Pages: map[string]string{"cusp.1": ".TH CUSP 1\n"}, Completions: map[string]string{"bash": "b", "zsh": "z", "fish": "f"}},
		Out:    filepath.Join(t.TempDir(), "out"),
	}
}

func TestPackDaemon(t *testing.T) {
	t.Parallel()
	o := daemonOptions(t)
	path, err := PackDaemon(t.Context(), o)
	must(t, err)
	if want := "cusp_0.2.0~rc1_arm64.deb"; filepath.Base(path) != want {
		t.Errorf("file %s, want %s", path, want)
	}
	c := readDeb(t, path)
	for field, want := range map[string]string{"Package": "cusp", "Version": "0.2.0~rc1", "Architecture": "arm64"} {
		if c.control[field] != want {
			t.Errorf("%s: %q, want %q", field, c.control[field], want)
		}
	}
	for name, mode := range map[string]int64{
		"/usr/bin/cusp":                    0o755,
		"/lib/systemd/system/cusp.service": 0o644,
		"/lib/systemd/system/cusp.socket":  0o644,
		"/usr/lib/sysusers.d/cusp.conf":    0o644,
		"/etc/cusp/cusp.toml":              0o644,
		"/etc/cusp/keys/maker.pub":         0o644,
		"/var/lib/cusp/models":             0o755,
		"/usr/share/doc/cusp/NOTICE":       0o644,
		"/usr/share/doc/cusp/copyright":    0o644,
		"/usr/share/man/man1/cusp.1.gz":    0o644,

		"/usr/share/bash-completion/completions/cusp":    0o644,
		"/usr/share/zsh/vendor-completions/_cusp":        0o644,
		"/usr/share/fish/vendor_completions.d/cusp.fish": 0o644,
		"/lib/systemd/system/cusp-link.service":          0o644,
		"/usr/lib/systemd/system-generators/cusp":        0o755,
	} {
		h := c.files[name]
		if h == nil || h.Mode&0o777 != mode || h.Uname != "root" || !h.ModTime.Equal(day) {
			t.Errorf("%s: %+v, want mode %o, root, %v", name, h, mode, day)
		}
	}
	if c.data["/etc/cusp/cusp.toml"] != "# config\n" {
		t.Errorf("config is %q", c.data["/etc/cusp/cusp.toml"])
	}
	page, err := gzip.NewReader(strings.NewReader(c.data["/usr/share/man/man1/cusp.1.gz"]))
	must(t, err)
	if text, err := io.ReadAll(page); err != nil || string(text) != ".TH CUSP 1\n" || !page.ModTime.IsZero() {
		t.Errorf("page %q of %v, %v", text, page.ModTime, err)
	}
}

func TestPackDaemonRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*DaemonOptions)
		says   string
	}{
		{"architecture", func(o *DaemonOptions) { o.Arch = "mips" }, "supported are"},
		{"version", func(o *DaemonOptions) { o.Version = "new" }, "version"},
		{"no config", func(o *DaemonOptions) { o.Config = nil }, "configuration"},
		{"no time", func(o *DaemonOptions) { o.Time = time.Time{} }, "SOURCE_DATE_EPOCH"},
		{"no binary", func(o *DaemonOptions) { o.Binary += "-none" }, "does not exist"},
		{"page of no section", func(o *DaemonOptions) { o.Manual.Pages = map[string]string{"cusp": ""} }, "section"},
		{"shell", func(o *DaemonOptions) { o.Manual.Completions = map[string]string{"csh": ""} }, "csh"},
		{"key that is none", func(o *DaemonOptions) { o.Trust = []string{o.Binary} }, "public key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := daemonOptions(t)
			tt.change(&o)
			if _, err := PackDaemon(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want %q", err, tt.says)
			}
			if left, _ := filepath.Glob(filepath.Join(o.Out, "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func writeBundle(t *testing.T, version string, key bundle.PrivateKey) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	m := bundle.Manifest{Name: "student", Version: version, License: "Apache-2.0", Created: day}
	files := map[string]string{
		bundle.ModelFile:       writeFile(t, "w", "GGUF "+version),
		bundle.CalibrationFile: writeFile(t, "c", `{}`),
	}
	_, err := bundle.Write(dir, m, files, key)
	must(t, err)
	return dir
}

func TestPackModel(t *testing.T) {
	t.Parallel()
	path, err := PackModel(writeBundle(t, "1.0", bundle.PrivateKey{}), t.TempDir(), anyPolicy)
	must(t, err)
	if want := "cusp-model-student_1.0_all.deb"; filepath.Base(path) != want {
		t.Errorf("file %s, want %s", path, want)
	}
	c := readDeb(t, path)
	if c.control["Depends"] != "cusp" || c.control["Architecture"] != "all" {
		t.Errorf("control = %v", c.control)
	}
	for _, name := range []string{bundle.ModelFile, bundle.CalibrationFile, bundle.ManifestFile} {
		h := c.files["/var/lib/cusp/models/student/1.0/"+name]
		if h == nil || h.Mode&0o777 != 0o644 || h.Uname != "root" {
			t.Errorf("%s: %+v, want a file of root that everyone can read", name, h)
		}
	}
	if c.files["/var/lib/cusp/models/student/current"] != nil {
		t.Error("dpkg owns the link `current`: it would remove it during upgrades")
	}
}

func TestPackModelRefusesWhatDevicesRefuse(t *testing.T) {
	t.Parallel()
	dir := writeBundle(t, "1.0", bundle.PrivateKey{})
	if _, err := PackModel(dir, t.TempDir(), bundle.Policy{}); !errors.Is(err, bundle.ErrUnsigned) {
		t.Errorf("unsigned: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, bundle.ModelFile), []byte("x"), 0o644))
	if _, err := PackModel(dir, t.TempDir(), anyPolicy); !errors.Is(err, bundle.ErrHash) {
		t.Errorf("damaged: %v", err)
	}
}

// TestPackagesAreReproducible packs twice, with source files of different age.
func TestPackagesAreReproducible(t *testing.T) {
	t.Parallel()
	same := func(first, second string) {
		t.Helper()
		a, err := os.ReadFile(first)
		must(t, err)
		b, err := os.ReadFile(second)
		must(t, err)
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs", filepath.Base(first))
		}
	}
	o := daemonOptions(t)
	again := o
	again.Binary, again.Out = writeFile(t, "cusp", "\x7fELF"), t.TempDir()
	must(t, os.Chtimes(again.Binary, day, day))
	daemonA, err := PackDaemon(t.Context(), o)
	must(t, err)
	daemonB, err := PackDaemon(t.Context(), again)
	must(t, err)
	same(daemonA, daemonB)
	modelA, err := PackModel(writeBundle(t, "1.0", bundle.PrivateKey{}), t.TempDir(), anyPolicy)
	must(t, err)
	modelB, err := PackModel(writeBundle(t, "1.0", bundle.PrivateKey{}), t.TempDir(), anyPolicy)
	must(t, err)
	same(modelA, modelB)
}

func TestDebVersion(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"0.1.0": "0.1.0", "v1.2.3": "1.2.3", "0.1.0-dev": "0.1.0~dev", "1.0+git3": "1.0+git3"} {
		if got, err := DebVersion(in); err != nil || got != want {
			t.Errorf("DebVersion(%s) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "dev", "1.0 2", "1;2"} {
		if got, err := DebVersion(in); err == nil {
			t.Errorf("DebVersion(%q) = %s, want an error", in, got)
		}
	}
	if !slices.IsSortedFunc([]string{"0.1.0~dev", "0.1.0"}, bundle.CompareVersions) {
		t.Error("a pre-release does not sort before its release")
	}
}
