// Package prefix keeps the keys and values of prompts' beginnings in files, so
// that an engine that starts anew need not compute them again.
//
// A file is only as good as the model, the kernels and the layout that it was
// made with, and bits of them that differ would change answers. All of that is
// in a Key, and a file that is not exactly what the reader expects, or whose
// checksum is wrong, is no file. It is a cache for one machine and no format for
// exchange.
package prefix

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
)

// Key is what a file is about.
type Key struct {
	// Identity names everything that the bytes of a page depend on beside the
	// tokens: model, kernels, type of the values.
	Identity   [sha256.Size]byte
	PageTokens int
	PageBytes  int
	Tokens     []int32 // whole pages of them
}

// pages is how many there are.
func (k Key) pages() int { return len(k.Tokens) / k.PageTokens }

// check refuses what no file can hold.
func (k Key) check() error {
	switch {
	case k.PageTokens < 1 || k.PageBytes < 1 || k.PageBytes > math.MaxInt32:
		return fmt.Errorf("prefix: pages of %d tokens in %d bytes are not possible", k.PageTokens, k.PageBytes)
	case len(k.Tokens) == 0 || len(k.Tokens)%k.PageTokens != 0 || len(k.Tokens) > math.MaxInt32:
		return fmt.Errorf("prefix: %d tokens are not whole pages of %d", len(k.Tokens), k.PageTokens)
	}
	return nil
}

// A file is, in little endian:
//
//	magic       [8]byte  "CUSP-KV" and a line feed
//	version     uint32   1
//	page tokens uint32
//	page bytes  uint32
//	tokens      uint32   their number
//	identity    [32]byte
//	token ids   [tokens]uint32
//	pages       [tokens / page tokens][page bytes]byte
//	checksum    uint32   CRC-32C of all before it
const (
	magic        = "CUSP-KV\n"
	version      = 1
	headBytes    = len(magic) + 4*4 + sha256.Size
	checksumSize = 4
)

// size is that of the file. It is a float because no product of sizes overflows
// one.
func (k Key) size() float64 {
	return float64(headBytes) + 4*float64(len(k.Tokens)) + float64(k.pages())*float64(k.PageBytes) + checksumSize
}

// head is the file as far as the pages, which the key says entirely.
func (k Key) head() []byte {
	b := make([]byte, 0, headBytes+4*len(k.Tokens))
	b = append(b, magic...)
	for _, n := range []int{version, k.PageTokens, k.PageBytes, len(k.Tokens)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	b = append(b, k.Identity[:]...)
	for _, id := range k.Tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return b
}

func newChecksum() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// Write writes a file. page fills dst with one page after another.
func Write(w io.Writer, k Key, page func(i int, dst []byte) error) error {
	if err := k.check(); err != nil {
		return err
	}
	sum := newChecksum()
	both := io.MultiWriter(w, sum)
	if _, err := both.Write(k.head()); err != nil {
		return err
	}
	room := make([]byte, k.PageBytes)
	for i := range k.pages() {
		if err := page(i, room); err != nil {
			return err
		}
		if _, err := both.Write(room); err != nil {
			return err
		}
	}
	_, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// Read reads a file of size bytes that must be about k, and hands out one page
// after another, of which none counts unless Read returns nil: the checksum
// comes last.
func Read(r io.Reader, size int64, k Key, page func(i int, src []byte) error) error {
	if err := k.check(); err != nil {
		return err
	}
	if want := k.size(); float64(size) != want {
		return fmt.Errorf("prefix: file of %d bytes: %d tokens in pages of %d bytes take %.0f", size, len(k.Tokens), k.PageBytes, want)
	}
	sum := newChecksum()
	both := io.TeeReader(r, sum)
	if err := readHead(both, k); err != nil {
		return err
	}
	room := make([]byte, k.PageBytes)
	for i := range k.pages() {
		if _, err := io.ReadFull(both, room); err != nil {
			return fmt.Errorf("prefix: page %d of %d: %w", i, k.pages(), err)
		}
		if err := page(i, room); err != nil {
			return err
		}
	}
	var stored [checksumSize]byte
	if _, err := io.ReadFull(r, stored[:]); err != nil {
		return fmt.Errorf("prefix: checksum: %w", err)
	}
	if got, want := sum.Sum32(), binary.LittleEndian.Uint32(stored[:]); got != want {
		return fmt.Errorf("prefix: checksum is %08x, that of the contents %08x: the file is damaged", want, got)
	}
	return nil
}

// readHead compares the beginning of a file with what it must be.
func readHead(r io.Reader, k Key) error {
	want := k.head()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil {
		return fmt.Errorf("prefix: header: %w", err)
	}
	if bytes.Equal(got, want) {
		return nil
	}
	fields := []struct {
		name     string
		from, to int
	}{
		{"magic", 0, 8}, {"version", 8, 12}, {"page tokens", 12, 16}, {"page bytes", 16, 20},
		{"number of tokens", 20, 24}, {"identity of model and kernels", 24, headBytes}, {"tokens", headBytes, len(want)},
	}
	for _, f := range fields {
		for i := f.from; i < f.to; i++ {
			if got[i] != want[i] {
				return fmt.Errorf("prefix: %s: byte %d of the file is %#02x, not %#02x", f.name, i, got[i], want[i])
			}
		}
	}
	return nil
}
