package modeltest

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Array is a tensor of a safetensors file: its shape as in Python, the
// slowest-running dimension first.
type Array struct {
	Name  string
	DType string
	Shape []int
	Data  []byte
}

// Safetensors is the bytes of a safetensors file.
func Safetensors(t testing.TB, arrays []Array) []byte {
	t.Helper()
	header, end := map[string]any{}, 0
	var data []byte
	for _, a := range arrays {
		header[a.Name] = map[string]any{"dtype": a.DType, "shape": append([]int{}, a.Shape...), "data_offsets": []int{end, end + len(a.Data)}}
		end += len(a.Data)
		data = append(data, a.Data...)
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), data...)
}

// Folder writes files into a new directory.
func Folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
