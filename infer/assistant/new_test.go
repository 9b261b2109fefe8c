package assistant

import (
	"bytes"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/gguf"
)

// Other architectures often bring a tokenizer that is unknown here as well;
// what the user has to know is the architecture.
func TestAWrongArchitectureIsNamedFirst(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	meta := []gguf.KV{{Key: "general.architecture", Value: "mamba"}, {Key: "tokenizer.ggml.model", Value: "t5"}}
	if err := gguf.Write(&file, meta, nil); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse("mamba.gguf", file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(f, Config{}); err == nil || !strings.Contains(err.Error(), `architecture "mamba" is not supported (supported: `) {
		t.Errorf("error %v", err)
	}
}
