package mapped

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, text := range []string{"", "x", "some bytes"} {
		path := filepath.Join(dir, "file"+text)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		data, release, err := Open(path)
		if err != nil || string(data) != text {
			t.Fatalf("%q, %v", data, err)
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none")} {
		if _, _, err := Open(path); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
}
