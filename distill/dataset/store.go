package dataset

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Save writes examples as JSON lines.
func Save(file string, examples []Example) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, e := range examples {
		if err := enc.Encode(e); err != nil {
			out.Close()
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	if err := w.Flush(); err != nil {
		out.Close()
		return fmt.Errorf("write %s: %w", file, err)
	}
	return out.Close()
}

// Load reads what Save wrote.
func Load(file string) ([]Example, error) {
	var out []Example
	err := eachLine(file, func(line []byte) error {
		var e Example
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		out = append(out, e)
		return nil
	})
	return out, err
}
