// Package disk is what the device's outbox and the worker's answers share of
// keeping things in a bbolt file: looking at it before bbolt does, checksums, and
// changes that share a sync.
package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// ErrHeld means that another process has the file open.
var ErrHeld = errors.New("another process holds it")

// Limit is how large the file at path may become to hold so many bytes: it may hold
// everything twice, and pages that are partly used. One that is larger, of before
// the bound was lowered, stays as it is.
func Limit(path string, bytes int64) int {
	limit := 4*bytes + 1<<20
	if info, err := os.Stat(path); err == nil {
		limit = max(limit, info.Size())
	}
	return int(limit)
}

// Open opens a file that is not damaged, or makes it; it becomes no larger than
// limit bytes.
func Open(path string, limit int) (db *bolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil { // bbolt's answer to a damaged page
			err = fmt.Errorf("the file is damaged; move it away to start afresh: %v", p)
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, MaxSize: limit})
	var system *fs.PathError
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolt.ErrTimeout):
		return nil, ErrHeld
	case errors.As(err, &system):
		return nil, err
	}
	return nil, fmt.Errorf("the file is damaged; move it away to start afresh: %w", err)
}

// maxFile is the largest file that is read.
const maxFile = 2 << 30

// Read reads a file that no process has open.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // and with it the lock
	for tries := 0; syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil; tries++ {
		if tries == 20 {
			return nil, ErrHeld
		}
		time.Sleep(50 * time.Millisecond)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("more than %d bytes are not read", maxFile)
	}
	return data, err
}

// Aside is the name under which a damaged file is set aside.
func Aside(path string) string {
	return fmt.Sprintf("%s.damaged-%s", path, time.Now().UTC().Format("20060102T150405.000"))
}

// SyncDir makes renames in a directory last.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Values carry a CRC-32C (Castagnoli, big-endian) over their key and what follows
// it: bbolt has a checksum on its roots only, and does not see a changed letter.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum puts the checksum before the text of key.
func Sum(key, text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, checksum(key, text)), text...)
}

// Check returns the text of a value that [Sum] made.
func Check(key, value []byte) ([]byte, error) {
	if len(value) < 4 || binary.BigEndian.Uint32(value) != checksum(key, value[4:]) {
		return nil, errors.New("its checksum is wrong")
	}
	return value[4:], nil
}

func checksum(key, text []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, text)
}
