package privacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/a472be26/cusp/router"
)

// Vault keeps what placeholders stand for while their question is on its way: one
// file for each question, that only its owner can read, synced before the question
// leaves and removed when it is done with. Removing a file is the way to forget;
// a store that leaves old pages behind would not. Safe for concurrent use.
type Vault struct {
	dir  string
	keep time.Duration
	now  func() time.Time

	mu    sync.Mutex // held while files change; guards swept
	swept time.Time  // when expired files were looked for
}

// errTaken means that another question of this id is on its way.
var errTaken = errors.New("another question with this id, with other values, is on its way")

// vaultFile is a mapping as it lies on disk.
type vaultFile struct {
	Expires time.Time `json:"expires"`
	Values  Mapping   `json:"values"`
}

// sweepEvery is how often expired files are looked for.
const sweepEvery = time.Hour

// maxVaultFile bounds what is read back.
const maxVaultFile = 16 << 20

// OpenVault opens the directory, which it creates, and removes what has expired:
// keep is how long a question may be on its way.
func OpenVault(dir string, keep time.Duration) (*Vault, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	v := &Vault{dir: dir, keep: keep, now: time.Now}
	return v, v.sweep()
}

// sweep removes expired and unfinished files. A file that cannot be read is of no
// use to anybody.
func (v *Vault) sweep() error {
	v.swept = v.now()
	files, err := os.ReadDir(v.dir)
	if err != nil {
		return fmt.Errorf("open vault: %w", err)
	}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".json")
		if ok {
			if file, err := v.read(id); err == nil && v.now().Before(file.Expires) {
				continue
			}
		}
		if err := os.Remove(filepath.Join(v.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open vault: %w", err)
		}
	}
	return nil
}

// path of a question; its id is one that [router.CheckID] allows, and so no way out
// of the directory.
func (v *Vault) path(id string) (string, error) {
	if err := router.CheckID(id); err != nil {
		return "", fmt.Errorf("vault: %w", err)
	}
	return filepath.Join(v.dir, id+".json"), nil
}

func (v *Vault) read(id string) (vaultFile, error) {
	path, err := v.path(id)
	if err != nil {
		return vaultFile{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return vaultFile{}, fmt.Errorf("vault: %w", err)
	}
	if info.Size() > maxVaultFile {
		return vaultFile{}, fmt.Errorf("vault: %s has %d bytes, at most %d are read", path, info.Size(), maxVaultFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return vaultFile{}, fmt.Errorf("vault: %w", err)
	}
	var f vaultFile
	if err := json.Unmarshal(text, &f); err != nil {
		return vaultFile{}, fmt.Errorf("vault: %s: %w", path, err)
	}
	return f, nil
}

// Put makes the mapping of a question durable. The same one may be put again.
func (v *Vault) Put(id string, m Mapping) error {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.now().Sub(v.swept) > sweepEvery { // questions that were refused on their way leave files behind
		if err := v.sweep(); err != nil {
			return err
		}
	}
	if before, err := v.read(id); err == nil && !maps.Equal(before.Values, m) {
		return errTaken
	}
	path, err := v.path(id)
	if err != nil {
		return err
	}
	text, err := json.Marshal(vaultFile{v.now().Add(v.keep), m})
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	if err := writeSynced(path, text); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}

// writeSynced makes a file whole or not at all.
func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".tmp"))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes new names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Get returns the mapping of a question, nil if there is none any more.
func (v *Vault) Get(id string) (Mapping, error) {
	if v == nil {
		return nil, nil
	}
	f, err := v.read(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f.Values, err
}

// Delete forgets the mapping of a question.
func (v *Vault) Delete(id string) error {
	if v == nil {
		return nil
	}
	path, err := v.path(id)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("vault: %w", err)
	}
	return nil
}
