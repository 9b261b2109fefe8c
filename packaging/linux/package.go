// Package linux writes what a Linux package manager installs: the daemon and model bundles as Debian packages, and
// signed apt repositories of them.
//
// It runs on the maker's machine, needs neither root nor Debian's tools, and promises equal bytes for equal input:
// times come from the caller or the bundle, never from the clock. What the packages do on a device stands in the
// maintainer scripts and units beside this file.
package linux

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

// DefaultMaintainer stands in packages whose options name nobody.
const DefaultMaintainer = "Cusp authors <cusp@localhost>"

// pack is one Debian package in the making. Its generated files lie in dir.
type pack struct {
	info nfpm.Info
	dir  string
}

// newPack starts a package; scratch is an empty directory that outlives write.
func newPack(scratch, name, version, arch string, when time.Time) *pack {
	return &pack{dir: scratch, info: nfpm.Info{
		Name: name, Version: version, VersionSchema: "none", Arch: arch, Platform: "linux",
		Maintainer: DefaultMaintainer, Section: "misc", Priority: "optional",
		Homepage: "https://github.com/a472be26/cusp", MTime: when.UTC().Truncate(time.Second),
		DisableGlobbing: true,
	}}
}

// file adds the file at src.
func (p *pack) file(dst, src string, mode fs.FileMode) { p.add(dst, src, files.TypeFile, mode) }

// directory adds a directory that root owns.
func (p *pack) directory(dst string) { p.add(dst, "", files.TypeDir, 0o755) }

func (p *pack) add(dst, src, kind string, mode fs.FileMode) {
	p.info.Contents = append(p.info.Contents, &files.Content{
		Source: src, Destination: dst, Type: kind,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: p.info.MTime},
	})
}

// text adds a generated file.
func (p *pack) text(dst, kind string, text []byte) error {
	src, err := p.scratch(strings.ReplaceAll(strings.TrimPrefix(dst, "/"), "/", "_"), text)
	if err != nil {
		return err
	}
	p.add(dst, src, kind, 0o644)
	return nil
}

// scripts sets the maintainer scripts; text names the function that returns each.
func (p *pack) scripts(text func(name string) ([]byte, error)) error {
	for name, field := range map[string]*string{
		"postinst": &p.info.Scripts.PostInstall,
		"prerm":    &p.info.Scripts.PreRemove,
		"postrm":   &p.info.Scripts.PostRemove,
	} {
		script, err := text(name)
		if err != nil {
			return err
		}
		if *field, err = p.scratch(name, script); err != nil {
			return err
		}
	}
	return nil
}

func (p *pack) scratch(name string, text []byte) (path string, err error) {
	path = filepath.Join(p.dir, name)
	return path, os.WriteFile(path, text, 0o644)
}

// write makes the .deb in dir under its conventional name and returns its path. It appears there complete.
func (p *pack) write(dir string) (path string, err error) {
	info := nfpm.WithDefaults(&p.info)
	path = filepath.Join(dir, deb.Default.ConventionalFileName(info))
	if err := nfpm.Validate(info); err != nil {
		return "", fmt.Errorf("pack %s: %w", filepath.Base(path), err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("pack %s: %w", filepath.Base(path), err)
	}
	err = writeAtomic(path, 0o644, func(f *os.File) error { return deb.Default.Package(info, f) })
	if err != nil {
		return "", fmt.Errorf("pack %s: %w", filepath.Base(path), err)
	}
	return path, nil
}

// writeAtomic lets fill write a temporary file, syncs it and renames it to path.
func writeAtomic(path string, mode fs.FileMode, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left under this name
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
