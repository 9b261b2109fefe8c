package mapped

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// preferLarge asks for large pages, as far as the file is not in memory yet. Where
// the system has none, all stays as it is.
func preferLarge(data []byte) { _ = unix.Madvise(data, unix.MADV_HUGEPAGE) }

// Copy is io.Copy for a file that will be mapped soon, read from its beginning: it
// comes into memory in large pages. Other readers are copied as they are.
func Copy(to io.Writer, from io.Reader) (n int64, err error) {
	f, ok := from.(*os.File)
	if !ok {
		return io.Copy(to, from)
	}
	data, release, err := mapFile(f)
	if err != nil { // it can be read all the same, perhaps
		return io.Copy(to, from)
	}
	defer release() // after all of it was called in
	for size := range calledIn(data) {
		if err == nil {
			var m int64
			m, err = io.CopyN(to, f, size)
			n += m
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	m, err := io.Copy(to, f) // it may have grown
	return n + m, err
}

// calledIn brings a mapping into memory piece by piece, while the one before is in
// use, and tells the size of each.
func calledIn(data []byte) <-chan int64 {
	const piece = 8 * largePage
	sizes := make(chan int64)
	go func() {
		defer close(sizes)
		for next := range slices.Chunk(data, piece) {
			_ = unix.Madvise(next, unix.MADV_POPULATE_READ) // what cannot be read is found by reading
			sizes <- int64(len(next))
		}
	}()
	return sizes
}

// Large is how many bytes of the file that data is a part of lie in large pages of
// this process; negative: it is no part of a file, or the system does not say.
func Large(data []byte) int64 {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil || len(data) == 0 {
		return -1
	}
	at, ours := uintptr(unsafe.Pointer(unsafe.SliceData(data))), false
	for line := range bytes.Lines(smaps) {
		if m, ok := ParseMapping(string(line)); ok {
			ours = m.From <= at && at < m.To && m.Path != ""
		} else if value, found := strings.CutPrefix(string(line), "FilePmdMapped:"); found && ours {
			var kilobytes int64
			if _, err := fmt.Sscan(value, &kilobytes); err == nil {
				return kilobytes << 10
			}
		}
	}
	return -1
}
