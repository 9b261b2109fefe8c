package prefix

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// MaxFiles bounds the number of files of a store.
const MaxFiles = 64

// Store is a directory of files. Those that were not used for longest go when
// there are too many. It is safe for concurrent use, and by several processes
// at most a file is lost.
type Store struct {
	dir      string
	maxBytes int64
	log      *slog.Logger
}

// Open makes the directory, which is private, since prompts are in it.
func Open(dir string, maxBytes int64, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("prefix: %w", err)
	}
	s := &Store{dir: dir, maxBytes: maxBytes, log: log}
	for _, left := range s.glob("*.new") { // of a process that was killed
		_ = os.Remove(left)
	}
	s.prune()
	return s, nil
}

// path is named after all that the file is about.
func (s *Store) path(k Key) string {
	h := sha256.Sum256(k.head())
	return filepath.Join(s.dir, fmt.Sprintf("%x.kv", h[:16]))
}

// Load reads the file about k and hands its pages out; none of them counts
// unless Load returns true. Nothing there is no failure; a file that cannot be
// used is ignored with a line in the log.
func (s *Store) Load(k Key, page func(i int, src []byte) error) bool {
	path := s.path(k)
	err := load(path, k, page)
	switch {
	case err == nil:
		now := time.Now()
		_ = os.Chtimes(path, now, now) // for prune; of a read-only directory nothing goes
		return true
	case !errors.Is(err, fs.ErrNotExist):
		s.log.Warn("saved beginning of conversations is ignored; it will be computed again", "file", path, "error", err)
	}
	return false
}

func load(path string, k Key, page func(i int, src []byte) error) error {
	// Looked at before it is opened, because opening a FIFO waits for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("prefix: not a regular file (%s)", info.Mode().Type())
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return Read(bufio.NewReaderSize(f, 1<<16), info.Size(), k, page)
}

// Save writes the file about k; page fills dst with one page after another. The
// file is there entirely or not at all.
func (s *Store) Save(k Key, page func(i int, dst []byte) error) error {
	if err := k.check(); err != nil {
		return err
	}
	if k.size() > float64(s.maxBytes) {
		return fmt.Errorf("prefix: %d tokens take %.3g MB, more than all files may (%.3g MB)", len(k.Tokens), k.size()/1e6, float64(s.maxBytes)/1e6)
	}
	f, err := os.CreateTemp(s.dir, "*.new") // mode 0600
	if err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = Write(w, k, page)
	if err == nil {
		err = errors.Join(w.Flush(), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.path(k))
	}
	if err != nil {
		return fmt.Errorf("prefix: save: %w", errors.Join(err, os.Remove(f.Name())))
	}
	s.prune()
	return s.sync()
}

// sync makes a rename last.
func (s *Store) sync() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// prune removes the files that were not used for longest, as long as there are
// too many or too much is in them.
func (s *Store) prune() {
	type file struct {
		path string
		info fs.FileInfo
	}
	var files []file
	var total int64
	for _, path := range s.glob("*.kv") {
		if info, err := os.Lstat(path); err == nil {
			files = append(files, file{path, info})
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b file) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), cmp.Compare(a.path, b.path))
	})
	for i, f := range files {
		if len(files)-i <= MaxFiles && total <= s.maxBytes {
			return
		}
		if err := os.Remove(f.path); err != nil {
			s.log.Warn("old saved beginning was not removed", "error", err)
			continue
		}
		total -= f.info.Size()
	}
}

// glob lists files of the directory, whose own name may hold anything.
func (s *Store) glob(pattern string) (paths []string) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			paths = append(paths, filepath.Join(s.dir, e.Name()))
		}
	}
	return paths
}
