// Package bundle reads, checks, writes and installs model bundles.
//
// A bundle is one directory that is the signed, atomic unit of a model update:
//
//	model.gguf               weights, tokenizer and chat template
//	calibration.json         the router's curve and threshold for these very weights (optional)
//	manifest.json            name, version, SHA-256 and size of each file, licence, evaluation
//	manifest.json.minisig    minisign signature of manifest.json (absent: an unsigned bundle)
//
// What it promises: a *Bundle returned without an error had every file compared with the manifest, and the
// manifest with a trusted key. Every file is read as a stream, so memory use does not grow with the model. Directories appear complete or not at all: temporary name, fsync, rename, fsync of
// the parent. The package knows nothing about what the files mean.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/a472be26/cusp/infer/mapped"
)

// Names of the files of a bundle. No other name may stand in a manifest.
const (
	ModelFile       = "model.gguf"
	CalibrationFile = "calibration.json"
	ManifestFile    = "manifest.json"
	SignatureFile   = "manifest.json.minisig"
)

// Errors a caller branches on with errors.Is.
var (
	// ErrUnsigned: there is no signature. The hashes hold.
	ErrUnsigned = errors.New("bundle is not signed")
	// ErrUntrusted: there is a signature of a key that is not trusted here. The hashes hold.
	ErrUntrusted = errors.New("bundle is signed by a key that is not trusted")
	// ErrSignature: the signature is damaged, or it claims a trusted key and does not fit the manifest.
	ErrSignature = errors.New("bundle signature does not fit")
	// ErrHash: a file differs from what the manifest says, is missing, or is not listed.
	ErrHash = errors.New("bundle file differs from its manifest")
	// ErrManifest: the manifest cannot be read or says something that is not allowed.
	ErrManifest = errors.New("bundle manifest is invalid")
)

// Bundle is a checked bundle.
type Bundle struct {
	Dir      string   // directory with symbolic links resolved, so a later switch of `current` cannot mix versions; "" from VerifyFS
	Manifest Manifest // as read
	Hash     string   // SHA-256 of manifest.json in hex: the identity of the whole bundle
	Signed   bool     // the manifest carries a valid signature of a trusted key
	Signer   string   // key id of the signature in hex, "" when there is none; proven only if Signed
}

// Path returns where a file of the bundle lies.
func (b *Bundle) Path(file string) string { return filepath.Join(b.Dir, file) }

// Verify checks the signature of the manifest against the trusted keys and every file against the manifest.
//
// Together with ErrUnsigned and ErrUntrusted it still returns the bundle, whose files then do fit the manifest, so
// that a caller whose configuration allows unsigned models can go on (see Policy). With every other error the bundle is nil.
func Verify(dir string, trust ...PublicKey) (*Bundle, error) { return verify(dir, nil, trust) }

func verify(dir string, onRead func(int), trust []PublicKey) (*Bundle, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("verify bundle: %w", err)
	}
	// A root keeps links inside the directory from pointing out of it, and stays with this directory.
	root, err := os.OpenRoot(resolved)
	if err != nil {
		return nil, fmt.Errorf("verify bundle: %w", err)
	}
	defer root.Close()
	b, err := verifyFS(root.FS(), onRead, trust)
	if b != nil {
		b.Dir = resolved
	}
	if err != nil {
		return b, fmt.Errorf("verify bundle %s: %w", resolved, err)
	}
	return b, nil
}

// VerifyFS is Verify for a bundle in a file system, for example an embedded one.
func VerifyFS(fsys fs.FS, trust ...PublicKey) (*Bundle, error) { return verifyFS(fsys, nil, trust) }

func verifyFS(fsys fs.FS, onRead func(int), trust []PublicKey) (*Bundle, error) {
	// 1. The raw manifest: signature and hash are over these bytes.
	raw, err := readSmall(fsys, ManifestFile, maxManifest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	b := &Bundle{Hash: hashOf(raw)}

	// 2. The signature, before anything in the manifest is believed.
	signature := b.checkSignature(fsys, raw, trust)
	if signature != nil && !errors.Is(signature, ErrUnsigned) && !errors.Is(signature, ErrUntrusted) {
		return nil, signature
	}

	// 3. What the manifest says.
	if b.Manifest, err = DecodeManifest(raw); err != nil {
		return nil, err
	}

	// 4. Every file.
	if err := checkFiles(fsys, b.Manifest, onRead); err != nil {
		return nil, err
	}
	return b, signature
}

func (b *Bundle) checkSignature(fsys fs.FS, manifest []byte, trust []PublicKey) error {
	signature, err := readSmall(fsys, SignatureFile, maxSignature)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s; sign it with `cusp pack`, or allow unsigned models in the configuration", ErrUnsigned, SignatureFile)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	b.Signer, err = verifySignature(manifest, signature, trust)
	b.Signed = err == nil
	return err
}

func checkFiles(fsys fs.FS, m Manifest, onRead func(int)) error {
	for _, name := range knownFiles {
		want, listed := m.Files[name]
		if !listed {
			if _, err := fs.Stat(fsys, name); err == nil {
				return fmt.Errorf("%w: %s is in the bundle but not in %s: fetch the bundle again", ErrHash, name, ManifestFile)
			}
			continue
		}
		if err := checkFile(fsys, name, m.Sizes[name], want, onRead); err != nil {
			return err
		}
	}
	return nil
}

func checkFile(fsys fs.FS, name string, size int64, want string, onRead func(int)) error {
	got, n, err := hashFile(fsys, name, onRead)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing, expected sha256 %s: fetch the bundle again", ErrHash, name, want)
	}
	if err != nil {
		return fmt.Errorf("hash %s: %w", name, err)
	}
	if n != size {
		return fmt.Errorf("%w: %s has %d bytes, expected %d (sha256 found %s, expected %s): fetch the bundle again", ErrHash, name, n, size, got, want)
	}
	if got != want {
		return fmt.Errorf("%w: %s: sha256 found %s, expected %s: fetch the bundle again", ErrHash, name, got, want)
	}
	return nil
}

// hashFile streams one regular file and returns its SHA-256 in hex and its length.
func hashFile(fsys fs.FS, name string, onRead func(int)) (sum string, size int64, err error) {
	f, err := openRegular(fsys, name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = mapped.Copy(io.MultiWriter(h, meter(onRead)), f); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// meter tells how much is written to it; nil: nobody.
type meter func(n int)

func (m meter) Write(p []byte) (int, error) {
	if m != nil {
		m(len(p))
	}
	return len(p), nil
}

// openRegular looks before it opens, because opening a FIFO would wait for a writer.
func openRegular(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file (%s)", name, info.Mode().Type())
	}
	return fsys.Open(name)
}

// readSmall reads a whole file and refuses one that is larger than limit.
func readSmall(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := openRegular(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
