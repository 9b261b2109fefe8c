package builtin

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func complete() fstest.MapFS {
	files := fstest.MapFS{"models/key.pub": {Data: []byte("key")}}
	for _, name := range bundleFiles {
		files["models/student/"+name] = &fstest.MapFile{Data: []byte(name)}
	}
	return files
}

func TestOpenReturnsTheFolderOfTheBundle(t *testing.T) {
	t.Parallel()
	dir, err := open(complete(), "student")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(dir, "manifest.json"); err != nil || string(got) != "manifest.json" {
		t.Fatalf("manifest.json holds %q, error %v", got, err)
	}
}

func TestOpenNamesTheMissingFile(t *testing.T) {
	t.Parallel()
	for _, missing := range bundleFiles {
		files := complete()
		delete(files, "models/student/"+missing)
		_, err := open(files, "student")
		if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: error %v", missing, err)
		}
	}
}

func TestPublicKey(t *testing.T) {
	t.Parallel()
	if key, err := publicKey(complete()); err != nil || string(key) != "key" {
		t.Fatalf("key %q, error %v", key, err)
	}
	if _, err := publicKey(fstest.MapFS{}); !errors.Is(err, ErrMissing) {
		t.Fatalf("error %v", err)
	}
}

// TestEmbeddedFilesAreReadable proves that the embed directive finds its folder.
func TestEmbeddedFilesAreReadable(t *testing.T) {
	t.Parallel()
	if _, err := fs.ReadFile(models, "models/README.md"); err != nil {
		t.Fatal(err)
	}
}
