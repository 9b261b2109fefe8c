package gguf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// partFile is one part of a model of three.
type partFile struct {
	name    string
	meta    []KV
	tensors []Tensor
}

func oneTensor(name string) []Tensor {
	return []Tensor{{Name: name, Dims: []int{2}, Type: quant.F32, Data: []byte(name + "1234567")[:8]}}
}

func splitKeys(no, count, total int) []KV {
	return []KV{{splitNoKey, uint16(no)}, {splitCountKey, uint16(count)}, {splitTotalKey, int32(total)}}
}

// threeParts is a model as llama-gguf-split writes it: all metadata in the
// first part.
func threeParts() []partFile {
	meta := append([]KV{{"general.architecture", "x"}}, splitKeys(0, 3, 3)...)
	return []partFile{
		{"m-00001-of-00003.gguf", meta, oneTensor("a")},
		{"m-00002-of-00003.gguf", splitKeys(1, 3, 3), oneTensor("b")},
		{"m-00003-of-00003.gguf", splitKeys(2, 3, 3), oneTensor("c")},
	}
}

func writeParts(t *testing.T, parts []partFile) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, p := range parts {
		var b bytes.Buffer
		if err := Write(&b, p.meta, p.tensors); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSplitFiles(t *testing.T) {
	t.Parallel()
	dir := writeParts(t, threeParts())
	for _, name := range []string{"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"} {
		f, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, tensor := range f.Tensors() {
			if got, _ := f.Tensor(tensor.Name); string(got.Data) != tensor.Name+"1234567" {
				t.Errorf("tensor %q has the data %q", tensor.Name, got.Data)
			}
			names = append(names, tensor.Name)
		}
		arch, err := f.String("general.architecture")
		if !reflect.DeepEqual(names, []string{"a", "b", "c"}) || arch != "x" || err != nil {
			t.Errorf("%s: tensors %v, architecture %q, %v", name, names, arch, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSplitFilesRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(p []partFile) []partFile
		want   string
	}{
		"missing part":         {func(p []partFile) []partFile { return p[:2] }, "part 3 of 3"},
		"renamed":              {func(p []partFile) []partFile { p[0].name = "m.gguf"; return p[:1] }, "NAME-00001-of-00003.gguf"},
		"same part twice":      {func(p []partFile) []partFile { p[2].meta = p[1].meta; return p }, "it is part 2 of 3, not part 3 of 3"},
		"part of another size": {func(p []partFile) []partFile { p[1].meta = splitKeys(1, 4, 3); return p }, "it is part 2 of 4"},
		"number beyond count":  {func(p []partFile) []partFile { p[0].meta = splitKeys(3, 3, 3); return p }, "split.no is 3"},
		"no number":            {func(p []partFile) []partFile { p[0].meta = p[0].meta[2:]; return p }, `"split.no" is missing`},
		"not a part at all":    {func(p []partFile) []partFile { p[1].meta = nil; return p }, `"split.no" is missing`},
		"tensor in two parts":  {func(p []partFile) []partFile { p[2].tensors = oneTensor("a"); return p }, `tensor "a" is in another part`},
		"too few tensors":      {func(p []partFile) []partFile { p[2].tensors = nil; return p }, "split.tensors.count is 3, but the parts have 2"},
		"another total":        {func(p []partFile) []partFile { p[1].meta = splitKeys(1, 3, 4); return p }, `"split.tensors.count" differs`},
		"another model": {func(p []partFile) []partFile {
			p[1].meta = append(splitKeys(1, 3, 3), KV{"general.architecture", "y"})
			return p
		}, `"general.architecture" differs`},
	}
	for name, c := range cases {
		parts := c.change(threeParts())
		path := filepath.Join(writeParts(t, parts), parts[0].name)
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %s", name, err, c.want)
		}
	}
}

// However many parts a file claims, only those that are there cost anything.
func TestSplitFilesOfAHugeCount(t *testing.T) {
	t.Parallel()
	parts := []partFile{{fmt.Sprintf("m-00001-of-%05d.gguf", 65535), splitKeys(0, 65535, 1), oneTensor("a")}}
	path := filepath.Join(writeParts(t, parts), parts[0].name)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "part 2 of 65535") {
		t.Errorf("error %v", err)
	}
}
