package mapped

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sizes notes how long what is written to it is.
type sizes struct {
	bytes.Buffer
	all []int
}

func (s *sizes) Write(p []byte) (int, error) {
	s.all = append(s.all, len(p))
	return s.Buffer.Write(p)
}

func TestWriterWritesWholePages(t *testing.T) {
	t.Parallel()
	want := make([]byte, 2*largePage+5)
	for i := range want {
		want[i] = byte(i / 7)
	}
	var to sizes
	w := NewWriter(&to)
	for from, n := 0, 1; from < len(want); from, n = from+n, 3*n {
		if wrote, err := w.Write(want[from:min(from+n, len(want))]); err != nil || wrote != min(n, len(want)-from) {
			t.Fatalf("Write = %d, %v", wrote, err)
		}
	}
	if err := w.Flush(); err != nil || !bytes.Equal(to.Bytes(), want) || !slices.Equal(to.all, []int{largePage, largePage, 5}) {
		t.Errorf("written in pieces of %d, error %v", to.all, err)
	}
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull) // not for writing
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f)
	if _, err := w.Write(make([]byte, largePage-1)); err != nil {
		t.Errorf("nothing was written yet: %v", err)
	}
	if n, err := w.Write(make([]byte, 3)); err == nil || n != 1 {
		t.Errorf("Write = %d, %v", n, err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, largePage, 9*largePage + 3} {
		want := bytes.Repeat([]byte("some of 19 bytes..."), size/19+1)[:size]
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var got bytes.Buffer
		if n, err := Copy(&got, f); err != nil || n != int64(size) || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d bytes: %d, %v", size, n, err)
		}
		if n, err := Copy(&got, bytes.NewReader(want)); err != nil || n != int64(size) {
			t.Errorf("%d bytes of no file: %d, %v", size, n, err)
		}
	}
}

// A copy that cannot be written ends, also in the middle.
func TestCopyFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 20*largePage), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := Copy(NewWriter(f), f); err == nil || n >= 20*largePage { // f is not for writing
		t.Errorf("Copy = %d, %v", n, err)
	}
}
