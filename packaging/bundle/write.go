package bundle

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/a472be26/cusp/infer/mapped"
)

// Write makes the bundle dir from the named source files, fills in the manifest's format, hashes and sizes, and signs it unless key
// is the zero key. The directory appears complete or not at all, and must not exist before: bundles never change.
// A zero m.Created means now.
func Write(dir string, m Manifest, files map[string]string, key PrivateKey) (*Bundle, error) {
	b, err := write(dir, m, files, key)
	if err != nil {
		return nil, fmt.Errorf("write bundle %s: %w", dir, err)
	}
	return b, nil
}

func write(dir string, m Manifest, files map[string]string, key PrivateKey) (*Bundle, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	m.Format, m.Files, m.Sizes = Format, map[string]string{}, map[string]int64{}
	if m.Created.IsZero() {
		m.Created = time.Now()
	}
	b := &Bundle{Dir: dir}
	err = replaceDir(dir, func(tmp string) error {
		if err := addFiles(tmp, &m, files); err != nil {
			return err
		}
		return b.seal(tmp, m, key)
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func addFiles(dir string, m *Manifest, files map[string]string) error {
	for name, src := range files {
		if !slices.Contains(knownFiles, name) {
			return fmt.Errorf("file %q: allowed are %q", name, knownFiles)
		}
		if err := copySync(filepath.Join(dir, name), src); err != nil {
			return fmt.Errorf("file %s: %w", name, err)
		}
		// The copy is hashed, not the source: the source could change between two readings.
		sum, size, err := hashFile(os.DirFS(dir), name, nil)
		if err != nil {
			return fmt.Errorf("hash %s: %w", name, err)
		}
		m.Files[name], m.Sizes[name] = sum, size
	}
	return nil
}

// seal writes the manifest and its signature into dir and completes b.
func (b *Bundle) seal(dir string, m Manifest, key PrivateKey) error {
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	if b.Manifest, err = DecodeManifest(raw); err != nil {
		return err
	}
	b.Hash = hashOf(raw)
	if err := writeNew(filepath.Join(dir, ManifestFile), raw, 0o644); err != nil {
		return err
	}
	if key.Equal(PrivateKey{}) {
		return nil
	}
	b.Signed, b.Signer = true, keyID(key.ID())
	return writeNew(filepath.Join(dir, SignatureFile), sign(key, raw, b.Manifest), 0o644)
}

// replaceDir fills a temporary sibling of dir and renames it to dir, which must not exist.
func replaceDir(dir string, fill func(tmp string) error) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s exists already: choose another version or remove it", dir)
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, ".tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // after the rename there is nothing left under this name
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return err
	}
	return syncDir(parent)
}

// writeNew creates a file that must not exist yet and syncs it.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return finish(f, err)
}

// copySync copies src to a new file dst and syncs it.
func copySync(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	w := mapped.NewWriter(out)
	if _, err = io.Copy(w, in); err == nil {
		err = w.Flush()
	}
	return finish(out, err)
}

// finish syncs and closes f; a file that could not be written whole is removed.
func finish(f *os.File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// syncDir makes renames inside dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
