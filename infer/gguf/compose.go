package gguf

import (
	"bufio"
	"bytes"
	"fmt"
)

// Compose makes a File of parts that lie elsewhere: the metadata and tensors of
// another format, in the names and layouts of GGUF. It refuses what Write
// refuses. The tensors' data stays where it is and must live until Close, which
// calls release (nil: nothing to release); after an error the caller does that.
// name stands for the file in errors.
func Compose(name string, meta []KV, tensors []Tensor, release func() error) (*File, error) {
	head, err := composeHead(meta, tensors)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{name: name, data: head, head: len(head), values: map[string]value{}, byName: map[string]int{}}
	// The values are read where every file has them: in the bytes of a header.
	r := &reader{data: head}
	_, pairs, err := f.header(r)
	for range pairs {
		if err == nil {
			err = f.pair(r)
		}
	}
	if err == nil {
		err = f.readAlignment()
	}
	if err != nil {
		return nil, fmt.Errorf("gguf: %s: %w", name, err)
	}
	f.size = int64(len(head))
	for i, t := range tensors {
		f.tensors = append(f.tensors, t)
		f.byName[t.Name] = i
		f.size += int64(len(t.Data))
	}
	f.release = release
	return f, nil
}

// composeHead is what Write would write before the tensors' data.
func composeHead(meta []KV, tensors []Tensor) ([]byte, error) {
	align, err := checkMeta(meta)
	if err != nil {
		return nil, err
	}
	sizes, err := checkTensors(tensors)
	if err != nil {
		return nil, err
	}
	for i := range tensors {
		if t := &tensors[i]; sizes[i] != uint64(len(t.Data)) {
			return nil, fmt.Errorf("gguf: %w", t.wrongBytes(sizes[i], t.Data))
		}
	}
	var head bytes.Buffer
	out := &writer{w: bufio.NewWriter(&head)}
	out.head(meta, tensors, sizes, align)
	if out.err == nil {
		out.err = out.w.Flush()
	}
	return head.Bytes(), out.err
}
