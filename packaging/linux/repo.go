package linux

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pault.ag/go/debian/deb"
)

// Suite and component of the repositories that Repo writes:
//
//	deb [signed-by=/etc/apt/keyrings/cusp.asc] URL stable main
const (
	Suite     = "stable"
	Component = "main"
)

// KeyringFile is the public key that Repo puts beside the packages, armored, as apt's signed-by takes it.
const KeyringFile = "cusp-archive-keyring.asc"

// Repo makes the directory an apt repository of the .deb files anywhere below it: one index per architecture, a
// Release file with their hashes, and both signature forms of it (InRelease, Release.gpg). Indexes are also stored
// by hash and InRelease is replaced last, so a device that updates meanwhile sees the old or the new state.
// Equal packages, key and time give equal bytes.
func Repo(dir string, key *RepoKey, when time.Time) error {
	if err := writeRepo(dir, key, when.UTC().Truncate(time.Second)); err != nil {
		return fmt.Errorf("write repository %s: %w", dir, err)
	}
	return nil
}

func writeRepo(dir string, key *RepoKey, when time.Time) error {
	// 1. What is there.
	packages, err := scanPackages(dir)
	if err != nil {
		return err
	}

	// 2. One index per architecture, packed and not.
	suite := filepath.Join(dir, "dists", Suite)
	var sums []indexSum
	for _, arch := range Architectures {
		added, err := writeIndex(suite, arch, packages)
		if err != nil {
			return err
		}
		sums = append(sums, added...)
	}

	// 3. The signed list of the indexes.
	release := releaseText(sums, when)
	inline, err := key.clearSign(release, when)
	if err != nil {
		return err
	}
	detached, err := key.detachSign(release, when)
	if err != nil {
		return err
	}
	public, err := key.Public()
	if err != nil {
		return err
	}
	return writeAll([]indexFile{
		{filepath.Join(dir, KeyringFile), public},
		{filepath.Join(suite, "Release"), release},
		{filepath.Join(suite, "Release.gpg"), detached},
		{filepath.Join(suite, "InRelease"), inline},
	})
}

// entry is one package of the repository.
type entry struct {
	name, version, arch string
	stanza              []byte
}

func scanPackages(dir string) ([]entry, error) {
	var all []entry
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".deb" {
			return err
		}
		e, err := readPackage(dir, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no .deb file below it: write some with `cusp pack daemon` and `cusp pack model`")
	}
	// WalkDir is in path order; by name and version it does not depend on where the files lie.
	slices.SortStableFunc(all, func(a, b entry) int {
		return strings.Compare(a.name+"\x00"+a.version+"\x00"+a.arch, b.name+"\x00"+b.version+"\x00"+b.arch)
	})
	return all, nil
}

// readPackage makes the index entry of one .deb: its control fields, then where it lies and what it hashes to.
func readPackage(dir, file string) (entry, error) {
	rel, err := filepath.Rel(dir, file)
	if err != nil {
		return entry{}, err
	}
	pkg, closePkg, err := deb.LoadFile(file)
	if err != nil {
		return entry{}, fmt.Errorf("not a Debian package: %w", err)
	}
	defer closePkg()
	sum, size, err := hashPackage(file)
	if err != nil {
		return entry{}, err
	}
	control := pkg.Control.Paragraph
	control.Set("Filename", filepath.ToSlash(rel))
	control.Set("Size", fmt.Sprint(size))
	control.Set("SHA256", sum)
	var stanza bytes.Buffer
	if err := control.WriteTo(&stanza); err != nil {
		return entry{}, err
	}
	stanza.WriteByte('\n')
	return entry{pkg.Control.Package, pkg.Control.Version.String(), control.Values["Architecture"], stanza.Bytes()}, nil
}

func hashPackage(file string) (sum string, size int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), size, nil
}

type indexFile struct {
	path string
	data []byte
}

// indexSum is a line of Release: what apt compares an index with.
type indexSum struct {
	name string // below dists/SUITE
	size int
	sum  string
}

// writeIndex writes the index of one architecture, which also lists the packages for all.
func writeIndex(suite, arch string, packages []entry) ([]indexSum, error) {
	var plain bytes.Buffer
	for _, p := range packages {
		if p.arch == arch || p.arch == "all" {
			plain.Write(p.stanza)
		}
	}
	packed, err := compress(plain.Bytes())
	if err != nil {
		return nil, err
	}
	base := path.Join(Component, "binary-"+arch)
	var sums []indexSum
	for name, data := range map[string][]byte{"Packages": plain.Bytes(), "Packages.gz": packed} {
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		sums = append(sums, indexSum{path.Join(base, name), len(data), sum})
		err := writeAll([]indexFile{
			{filepath.Join(suite, base, "by-hash", "SHA256", sum), data},
			{filepath.Join(suite, base, name), data},
		})
		if err != nil {
			return nil, err
		}
	}
	return sums, nil
}

func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression) // no name and no time in its header
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func releaseText(sums []indexSum, when time.Time) []byte {
	slices.SortFunc(sums, func(a, b indexSum) int { return strings.Compare(a.name, b.name) })
	var out bytes.Buffer
	fmt.Fprintf(&out, "Origin: Cusp\nLabel: Cusp\nSuite: %s\nCodename: %s\n", Suite, Suite)
	fmt.Fprintf(&out, "Date: %s\nArchitectures: %s\nComponents: %s\n", when.Format(time.RFC1123), strings.Join(Architectures, " "), Component)
	fmt.Fprintf(&out, "Description: Cusp daemon and models\nAcquire-By-Hash: yes\nSHA256:\n")
	for _, s := range sums {
		fmt.Fprintf(&out, " %s %d %s\n", s.sum, s.size, s.name)
	}
	return out.Bytes()
}

// writeAll writes files in the given order, each one complete or not at all.
func writeAll(all []indexFile) error {
	for _, f := range all {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
			return err
		}
		err := writeAtomic(f.path, 0o644, func(w *os.File) error {
			_, err := w.Write(f.data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
