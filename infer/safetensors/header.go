package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// header walks the JSON of a header token by token, since decoding it into maps
// would hide duplicate names.
type header struct {
	tokens *json.Decoder
}

// entry is what the header says about one tensor.
type entry struct {
	name       string
	dtype      string
	shape      []int
	begin, end uint64 // offsets into the data
}

// parseHeader reads the entries in the order of the header.
func parseHeader(text []byte) (entries []entry, metadata map[string]string, err error) {
	// The decoder would replace what is not UTF-8, and two names could become one.
	if !utf8.Valid(text) {
		return nil, nil, errors.New("header is not valid UTF-8")
	}
	h := header{json.NewDecoder(bytes.NewReader(text))}
	h.tokens.UseNumber()
	err = h.object(func(name string) error {
		if name == "__metadata__" {
			metadata = map[string]string{}
			return h.metadata(metadata)
		}
		e, err := h.entry(name)
		entries = append(entries, e)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if _, err := h.tokens.Token(); err != io.EOF {
		return nil, nil, errors.New("header: text after the closing brace")
	}
	return entries, metadata, nil
}

// object reads an object, whose names may occur once; value reads each value.
func (h header) object(value func(name string) error) error {
	if err := h.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for h.tokens.More() {
		name, err := h.text()
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("%q occurs twice", name)
		}
		seen[name] = true
		if err := value(name); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return h.delim('}')
}

func (h header) metadata(into map[string]string) error {
	return h.object(func(name string) (err error) {
		into[name], err = h.text()
		return err
	})
}

func (h header) entry(name string) (entry, error) {
	e := entry{name: name}
	var offsets []uint64
	fields := 0
	err := h.object(func(field string) (err error) {
		fields++
		switch field {
		case "dtype":
			e.dtype, err = h.text()
		case "shape":
			e.shape, err = h.shape()
		case "data_offsets":
			offsets, err = h.numbers()
		default:
			err = errors.New("a field that the format does not have")
		}
		return err
	})
	switch {
	case err != nil:
		return e, err
	case fields != 3:
		return e, errors.New("dtype, shape or data_offsets is missing")
	case len(offsets) != 2:
		return e, fmt.Errorf("data_offsets are %d numbers, not 2", len(offsets))
	}
	e.begin, e.end = offsets[0], offsets[1]
	return e, nil
}

func (h header) shape() ([]int, error) {
	numbers, err := h.numbers()
	if err != nil {
		return nil, err
	}
	shape := make([]int, len(numbers))
	for i, n := range numbers {
		if n > math.MaxInt {
			return nil, fmt.Errorf("size %d is beyond %d", n, math.MaxInt)
		}
		shape[i] = int(n)
	}
	return shape, nil
}

func (h header) numbers() ([]uint64, error) {
	if err := h.delim('['); err != nil {
		return nil, err
	}
	list := []uint64{}
	for h.tokens.More() {
		token, err := h.tokens.Token()
		if err != nil {
			return nil, err
		}
		digits, ok := token.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v is no number", token)
		}
		n, err := strconv.ParseUint(digits.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no size: %w", digits, errors.Unwrap(err))
		}
		list = append(list, n)
	}
	return list, h.delim(']')
}

func (h header) text() (string, error) {
	token, err := h.tokens.Token()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("%v is no string", token)
	}
	return text, nil
}

func (h header) delim(want json.Delim) error {
	token, err := h.tokens.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v where %q was expected", token, want.String())
	}
	return nil
}
