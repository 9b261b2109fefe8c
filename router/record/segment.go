package record

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxLine bounds one line, on the way in and on the way out.
const maxLine = 4 << 20

// segment is one file of the log.
type segment struct {
	number int // counts up from 1; the newest has the highest
	path   string
	size   int64
}

func segmentPath(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("records-%08d.jsonl", number))
}

// segments lists the files of dir, oldest first.
func segments(dir string) ([]segment, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	var found []segment
	for _, f := range files {
		middle, ok := strings.CutPrefix(f.Name(), "records-")
		middle, ok2 := strings.CutSuffix(middle, ".jsonl")
		number, err := strconv.Atoi(middle)
		if !ok || !ok2 || err != nil || number < 1 || !f.Type().IsRegular() {
			continue
		}
		info, err := f.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // rotated away meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list records: %w", err)
		}
		found = append(found, segment{number: number, path: filepath.Join(dir, f.Name()), size: info.Size()})
	}
	slices.SortFunc(found, func(a, b segment) int { return a.number - b.number })
	return found, nil
}

// scan calls visit for every line of the file that contains needle, with the
// offset at which the line ends. Whether the line is sound is visit's to find
// out. A file that has gone is empty.
func scan(path string, needle []byte, visit func(text []byte, end int64) error) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	var end int64
	for {
		text, n, err := readLine(r)
		end += n
		if len(text) > 0 && bytes.Contains(text, needle) {
			if err := visit(text, end); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read records %s: %w", path, err)
		}
	}
}

// readLine reads one line and tells how many bytes it took. Of a line beyond
// maxLine only the beginning is kept; its checksum cannot match.
func readLine(r *bufio.Reader) (text []byte, n int64, err error) {
	for {
		part, err := r.ReadSlice('\n')
		n += int64(len(part))
		if room := maxLine + 1 - len(text); room > 0 {
			text = append(text, part[:min(len(part), room)]...)
		}
		if err != bufio.ErrBufferFull {
			return text, n, err
		}
	}
}

// soundEnd is the offset behind the last whole line of the file. It reads the
// whole file only if the last line is broken.
func soundEnd(path string, size int64) (int64, error) {
	if ok, err := endsSound(path, size); ok || err != nil {
		return size, err
	}
	var end int64
	err := scan(path, nil, func(text []byte, at int64) error {
		if _, err := decode(text); err == nil && text[len(text)-1] == '\n' {
			end = at
		}
		return nil
	})
	return end, err
}

// endsSound reports whether the file is empty or ends with a whole line of
// the usual size.
func endsSound(path string, size int64) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	tail := make([]byte, min(size, 64<<10))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return false, err
	}
	body, ok := bytes.CutSuffix(tail, []byte("\n"))
	if !ok {
		return len(tail) == 0, nil
	}
	_, err = decode(body[bytes.LastIndexByte(body, '\n')+1:])
	return err == nil, nil
}
