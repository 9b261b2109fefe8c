package uplink

import (
	"encoding/json"
	"fmt"

	"github.com/a472be26/cusp/router/disk"
)

// encodeEntry is e as it lies on disk: JSON behind a checksum.
func encodeEntry(e entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode question: %w", err)
	}
	return disk.Sum([]byte(e.Question.ID), text), nil
}

// decodeEntry reads the value of key.
func decodeEntry(key, value []byte) (entry, error) {
	e, err := parseEntry(key, value)
	if err != nil {
		return entry{}, fmt.Errorf("question %.128q: %w", key, err)
	}
	return e, nil
}

func parseEntry(key, value []byte) (e entry, err error) {
	text, err := disk.Check(key, value)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, err
	}
	if e.Question.ID != string(key) {
		return e, fmt.Errorf("the entry of %q has its place", e.Question.ID)
	}
	return e, nil
}
