package gguf

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// The keys of a file that is one part of a model, and the names of the parts:
// NAME-00001-of-00003.gguf and so on. (Source: llama.cpp, tools/gguf-split.)
const (
	splitPrefix   = "split."
	splitNoKey    = "split.no" // from 0
	splitCountKey = "split.count"
	splitTotalKey = "split.tensors.count" // of all parts

	maxParts = 1 << 16 // the key is a uint16
)

var partName = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})\.gguf$`)

// SplitKey reports whether a key is about the parts of a file, and so not about
// the model.
func SplitKey(key string) bool { return strings.HasPrefix(key, splitPrefix) }

// LaterPart reports whether path has the name of a part that is not the first.
func LaterPart(path string) bool {
	m := partName.FindStringSubmatch(filepath.Base(path))
	return m != nil && m[2] != "00001"
}

// parts is how many files the model is in, by the metadata of one.
func (f *File) parts() (int, error) {
	if !f.Has(splitCountKey) {
		return 1, nil
	}
	n, err := f.Uint(splitCountKey)
	if err != nil {
		return 0, err
	}
	if n > maxParts {
		return 0, fmt.Errorf("gguf: %s: %s is %d: at most %d are allowed", f.name, splitCountKey, n, maxParts)
	}
	return max(1, int(n)), nil
}

// withParts opens the other parts of a file that is one of several, and puts
// them together; it takes f over.
func (f *File) withParts() (*File, error) {
	count, err := f.parts()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if count == 1 {
		return f, nil
	}
	no, prefix, err := f.partNumber(count)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	all := []*File{}
	for i := 0; i < count && err == nil; i++ {
		part := f // which is open already, under the name that the caller wrote
		if i != no {
			part, err = openOne(partPath(prefix, i, count))
		}
		if err != nil {
			err = fmt.Errorf("gguf: part %d of %d of %s: %w", i+1, count, f.name, err)
			break
		}
		all = append(all, part)
	}
	var whole *File
	if err == nil {
		whole, err = joined(f.name, all)
	}
	if err != nil {
		return nil, errors.Join(err, closeAll(append(all, f)))
	}
	return whole, nil
}

// partNumber is the number of this part, from 0, and what the names of all parts
// begin with.
func (f *File) partNumber(count int) (no int, prefix string, err error) {
	n, err := f.Uint(splitNoKey)
	if err != nil {
		return 0, "", err
	}
	if n >= uint64(count) {
		return 0, "", fmt.Errorf("gguf: %s: %s is %d, but %s is %d", f.name, splitNoKey, n, splitCountKey, count)
	}
	dir, base := filepath.Split(f.name)
	m := partName.FindStringSubmatch(base)
	if m == nil || base != partPath(m[1], int(n), count) {
		return 0, "", fmt.Errorf("gguf: %s: it is part %d of %d by its metadata, so its name must be %s", f.name, n+1, count, partPath("NAME", int(n), count))
	}
	return int(n), dir + m[1], nil
}

func partPath(prefix string, no, count int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no+1, count)
}

// joined is one file of all parts: the metadata of the first, the tensors of
// all.
func joined(name string, parts []*File) (*File, error) {
	first := parts[0]
	whole := &File{name: name, data: first.data, head: first.head, version: first.version, alignment: first.alignment,
		keys: first.keys, values: first.values, byName: map[string]int{}}
	for i, part := range parts {
		if err := part.checkPart(i, len(parts), first); err != nil {
			return nil, err
		}
		for _, t := range part.tensors {
			if other, ok := whole.byName[t.Name]; ok {
				return nil, fmt.Errorf("gguf: %s: tensor %q is in another part too, as number %d", part.name, t.Name, other)
			}
			whole.byName[t.Name] = len(whole.tensors)
			whole.tensors = append(whole.tensors, t)
		}
		whole.size += part.size
	}
	if err := whole.checkTotal(); err != nil {
		return nil, err
	}
	whole.release = func() error { return closeAll(parts) }
	return whole, nil
}

// checkPart refuses parts of other models.
func (f *File) checkPart(i, count int, first *File) error {
	n, err := f.parts()
	if err != nil {
		return err
	}
	no, err := f.Uint(splitNoKey)
	if err != nil {
		return err
	}
	if no != uint64(i) || n != count {
		return fmt.Errorf("gguf: %s: by its metadata it is part %d of %d, not part %d of %d", f.name, no+1, n, i+1, count)
	}
	for _, key := range f.keys {
		if SplitKey(key) && key != splitTotalKey || !first.Has(key) {
			continue
		}
		a, _ := f.Value(key)
		b, _ := first.Value(key)
		if !reflect.DeepEqual(a, b) {
			return fmt.Errorf("gguf: %s: key %q differs from that in %s: they are parts of different models", f.name, key, first.name)
		}
	}
	return nil
}

func (f *File) checkTotal() error {
	if !f.Has(splitTotalKey) {
		return nil
	}
	n, err := f.Uint(splitTotalKey)
	if err != nil {
		return err
	}
	if n != uint64(len(f.tensors)) {
		return fmt.Errorf("gguf: %s: %s is %d, but the parts have %d tensors", f.name, splitTotalKey, n, len(f.tensors))
	}
	return nil
}

func closeAll(files []*File) error {
	var errs []error
	for i, f := range files {
		if !slices.Contains(files[:i], f) {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
