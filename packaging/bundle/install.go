package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"pault.ag/go/debian/version"
)

// CurrentLink is the name of the symbolic link MODELS/NAME/current that points to the version in use.
const CurrentLink = "current"

// Install stages the bundle at src and makes it the current version of its model.
func Install(src, modelsDir string, p Policy) (*Bundle, error) {
	b, err := Stage(src, modelsDir, p)
	if err != nil {
		return nil, err
	}
	if err := Switch(modelsDir, b.Manifest.Name, b.Manifest.Version); err != nil {
		return nil, err
	}
	return b, nil
}

// Stage copies the bundle at src to MODELS/NAME/VERSION if the policy accepts it, and returns the installed bundle.
// The same bundle staged twice is no error; another bundle of the same name and version is.
func Stage(src, modelsDir string, p Policy) (*Bundle, error) {
	b, err := p.Verify(src)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	dst := filepath.Join(modelsDir, b.Manifest.Name, b.Manifest.Version)
	if _, err := os.Lstat(dst); err == nil {
		return sameInstalled(dst, b, p)
	}
	err = replaceDir(dst, func(tmp string) error {
		if err := copyBundle(tmp, b); err != nil {
			return err
		}
		// The copy is what will be used, so the copy is what is checked.
		_, err := p.Verify(tmp)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", dst, err)
	}
	b.Dir = dst
	return b, nil
}

func sameInstalled(dst string, b *Bundle, p Policy) (*Bundle, error) {
	old, err := p.Verify(dst)
	if err != nil {
		return nil, fmt.Errorf("stage: version %s is installed already and does not verify, remove %s: %w", b.Manifest.Version, dst, err)
	}
	if old.Hash != b.Hash {
		return nil, fmt.Errorf("stage: %s is another bundle of the same version (manifest sha256 found %s, expected %s): give the new one a new version", dst, old.Hash, b.Hash)
	}
	return old, nil
}

func copyBundle(dst string, b *Bundle) error {
	names := []string{ManifestFile}
	for name := range b.Manifest.Files {
		names = append(names, name)
	}
	if b.Signer != "" {
		names = append(names, SignatureFile)
	}
	for _, name := range names {
		if err := copySync(filepath.Join(dst, name), b.Path(name)); err != nil {
			return err
		}
	}
	return nil
}

// Switch points MODELS/NAME/current to an installed version. Readers see the old or the new target, never none.
func Switch(modelsDir, name, ver string) error {
	if err := errors.Join(CheckName(name), CheckVersion(ver)); err != nil {
		return fmt.Errorf("switch model: %w", err)
	}
	dir := filepath.Join(modelsDir, name)
	if _, err := os.Stat(filepath.Join(dir, ver, ManifestFile)); err != nil {
		return fmt.Errorf("switch model %s to %s: the version is not installed: %w", name, ver, err)
	}
	// A directory of our own for the new link: two switches at once then cannot take each other's.
	tmp, err := os.MkdirTemp(dir, ".switch-")
	if err != nil {
		return fmt.Errorf("switch model %s to %s: %w", name, ver, err)
	}
	defer os.RemoveAll(tmp)
	link := filepath.Join(tmp, CurrentLink)
	if err := os.Symlink(ver, link); err != nil {
		return fmt.Errorf("switch model %s to %s: %w", name, ver, err)
	}
	if err := os.Rename(link, filepath.Join(dir, CurrentLink)); err != nil {
		return fmt.Errorf("switch model %s to %s: %w", name, ver, err)
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("switch model %s to %s: %w", name, ver, err)
	}
	return nil
}

// Current returns the directory that MODELS/NAME/current points to, with links resolved.
// The error is fs.ErrNotExist if no version is current.
func Current(modelsDir, name string) (dir string, err error) {
	if err := CheckName(name); err != nil {
		return "", fmt.Errorf("current model: %w", err)
	}
	dir, err = filepath.EvalSymlinks(filepath.Join(modelsDir, name, CurrentLink))
	if err != nil {
		return "", fmt.Errorf("current model %s: %w", name, err)
	}
	return dir, nil
}

// Versions lists the installed versions of a model, oldest first.
func Versions(modelsDir, name string) ([]string, error) {
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	entries, err := os.ReadDir(filepath.Join(modelsDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list versions of %s: %w", name, err)
	}
	var versions []string
	for _, e := range entries {
		_, err := os.Stat(filepath.Join(modelsDir, name, e.Name(), ManifestFile))
		if err == nil && e.IsDir() && CheckVersion(e.Name()) == nil {
			versions = append(versions, e.Name())
		}
	}
	slices.SortFunc(versions, CompareVersions)
	return versions, nil
}

// CompareVersions orders versions as dpkg does: 1.9 < 1.10, 1.0~rc1 < 1.0.
func CompareVersions(a, b string) int {
	return version.Compare(version.Version{Version: a}, version.Version{Version: b})
}
