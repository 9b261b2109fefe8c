// Package builtin carries the models that the project trained itself, so that
// the first command works offline: the student, which answers on the device,
// and the teacher it was distilled from, which stands in for the cloud.
//
// Each is a whole model bundle in a folder of its own under models; the
// folders are made by cusp distill and checked by package packaging/bundle
// against [PublicKey]. Nothing here reads or verifies a bundle.
package builtin

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed models
var models embed.FS

// ErrMissing is wrapped by the errors for a model or key that was not there
// when this program was built.
var ErrMissing = errors.New("not in this build; make it with cusp distill and build again")

// Student returns the bundle of the model that answers on the device.
func Student() (fs.FS, error) { return open(models, "student") }

// Teacher returns the bundle of the larger model that stands in for the cloud.
func Teacher() (fs.FS, error) { return open(models, "teacher") }

// PublicKey returns the minisign public key that the manifests of both bundles
// are signed with.
func PublicKey() ([]byte, error) { return publicKey(models) }

// bundleFiles must be there for a folder to count as a bundle.
var bundleFiles = []string{"model.gguf", "calibration.json", "manifest.json", "manifest.json.minisig"}

func open(all fs.FS, name string) (fs.FS, error) {
	dir, err := fs.Sub(all, "models/"+name)
	if err != nil {
		return nil, fmt.Errorf("open built-in %s: %w", name, err)
	}
	for _, file := range bundleFiles {
		if _, err := fs.Stat(dir, file); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("built-in %s: %s: %w", name, file, ErrMissing)
		} else if err != nil {
			return nil, fmt.Errorf("open built-in %s: %w", name, err)
		}
	}
	return dir, nil
}

func publicKey(all fs.FS) ([]byte, error) {
	key, err := fs.ReadFile(all, "models/key.pub")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("built-in key.pub: %w", ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("read built-in key: %w", err)
	}
	return key, nil
}
