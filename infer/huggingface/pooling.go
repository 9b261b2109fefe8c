package huggingface

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
)

// readPooling looks for the pooling module of sentence-transformers: 0 where
// there is none.
func readPooling(dir string) (uint32, error) {
	const list = "modules.json"
	if !exists(dir, list) {
		return 0, nil
	}
	text, err := readSmall(filepath.Join(dir, list), maxConfigBytes)
	if err != nil {
		return 0, err
	}
	var modules []struct{ Type, Path string }
	if err := json.Unmarshal(text, &modules); err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(dir, list), err)
	}
	for _, m := range modules {
		if strings.HasSuffix(m.Type, "Pooling") {
			return readPoolingModule(dir, m.Path)
		}
	}
	return 0, nil
}

func readPoolingModule(dir, module string) (uint32, error) {
	if !filepath.IsLocal(module) {
		return 0, fmt.Errorf("%s: modules.json: path %q is not within the folder", dir, module)
	}
	o, err := readObject(filepath.Join(dir, module, "config.json"), maxConfigBytes)
	if err != nil {
		return 0, err
	}
	switch {
	case o.flag(false, "pooling_mode_mean_tokens"):
		return pooling["mean"], *o.err
	case o.flag(false, "pooling_mode_cls_token"):
		return pooling["cls"], *o.err
	case o.flag(false, "pooling_mode_lasttoken"):
		return pooling["lasttoken"], *o.err
	}
	kind, ok := pooling[o.text("", "pooling_mode")]
	if !ok {
		o.fail("the pooling is none of mean, cls and lasttoken")
	}
	return kind, *o.err
}
