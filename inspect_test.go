package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
)

// A file from anywhere must neither steer the terminal nor break the JSON.
func TestInspectOfAHostileFile(t *testing.T) {
	t.Parallel()
	var file, out bytes.Buffer
	meta := []gguf.KV{{Key: "x\x1b]0;title\a", Value: "\x1b[2J\x00"}, {Key: "nan", Value: []float32{1, float32(math.NaN())}}}
	if err := gguf.Write(&file, meta, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "hostile.gguf")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (inspectCmd{File: path}).Run(streams{out: &out}); err != nil || strings.ContainsAny(out.String(), "\x1b\a\x00") {
		t.Errorf("printed %q, error %v", out.String(), err)
	}
	out.Reset()
	if err := (inspectCmd{File: path, JSON: true}).Run(streams{out: &out}); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("JSON %q, error %v", out.String(), err)
	}
}
