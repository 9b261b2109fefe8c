package train

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// A checkpoint file is: the magic, the length of the header (uint32), the header as JSON, the arrays as float32, and a
// CRC-32C of all that. Numbers are little-endian. It appears under its name only when it is complete and on disk.

const (
	checkpointMagic  = "CUSPTRN1"
	maxHeaderBytes   = 1 << 20
	checkpointChunk  = 1 << 14 // values encoded at a time
	checkpointRemedy = "move it away to start again"
)

// progressMark is how far a run has come; it is the header of a checkpoint.
type progressMark struct {
	Config   Config
	Options  Options // their identity
	Examples int     // in the dataset
	Step     int     // optimizer steps done
	Place    place   // of the next example
	Tokens   int64
	Elapsed  time.Duration
}

// saveCheckpoint replaces the file at path.
func saveCheckpoint(path string, mark progressMark, arrays [][]float32) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	defer os.Remove(file.Name())
	err = errors.Join(writeCheckpoint(file, mark, arrays), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		err = syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("save checkpoint %s: %w", path, err)
	}
	return nil
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeCheckpoint(file io.Writer, mark progressMark, arrays [][]float32) error {
	header, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	out := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<18)
	out.WriteString(checkpointMagic)
	binary.Write(out, binary.LittleEndian, uint32(len(header)))
	out.Write(header)
	chunk := make([]byte, 0, 4*checkpointChunk)
	for _, a := range arrays {
		for at := 0; at < len(a); at += checkpointChunk {
			chunk = chunk[:0]
			for _, v := range a[at:min(len(a), at+checkpointChunk)] {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			out.Write(chunk)
		}
	}
	// The writer remembers its first error, so that one check covers all writes above.
	if err := out.Flush(); err != nil {
		return err
	}
	return binary.Write(file, binary.LittleEndian, sum.Sum32())
}

// loadCheckpoint fills arrays from the file at path if its mark fits the wanted one, and returns the mark. Without a file
// it returns false.
func loadCheckpoint(path string, want progressMark, arrays [][]float32) (progressMark, bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return progressMark{}, false, nil
	}
	if err != nil {
		return progressMark{}, false, fmt.Errorf("load checkpoint: %w", err)
	}
	defer file.Close()
	mark, err := readCheckpoint(file, want, arrays)
	if err != nil {
		return progressMark{}, false, fmt.Errorf("load checkpoint %s: %w; %s", path, err, checkpointRemedy)
	}
	return mark, true, nil
}

func readCheckpoint(file io.Reader, want progressMark, arrays [][]float32) (progressMark, error) {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	buffered := bufio.NewReaderSize(file, 1<<18)
	in := io.TeeReader(buffered, sum)
	mark, err := readMark(in)
	if err != nil {
		return mark, err
	}
	if err := mark.fits(want); err != nil {
		return mark, err
	}
	for i, a := range arrays {
		if err := readArray(in, a); err != nil {
			return mark, fmt.Errorf("array %d of %d values: %w", i, len(a), err)
		}
	}
	return mark, checkSum(buffered, sum)
}

func readMark(in io.Reader) (progressMark, error) {
	var mark progressMark
	head := make([]byte, len(checkpointMagic)+4)
	if _, err := io.ReadFull(in, head); err != nil {
		return mark, fmt.Errorf("magic and header length: %w", err)
	}
	if string(head[:len(checkpointMagic)]) != checkpointMagic {
		return mark, fmt.Errorf("magic is %q, want %q", head[:len(checkpointMagic)], checkpointMagic)
	}
	length := binary.LittleEndian.Uint32(head[len(checkpointMagic):])
	if length > maxHeaderBytes {
		return mark, fmt.Errorf("header length is %d, more than %d", length, maxHeaderBytes)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(in, header); err != nil {
		return mark, fmt.Errorf("header: %w", err)
	}
	if err := json.Unmarshal(header, &mark); err != nil {
		return mark, fmt.Errorf("header: %w", err)
	}
	return mark, nil
}

// fits tells whether a run that wants to start as want says may go on from the mark.
func (p progressMark) fits(want progressMark) error {
	switch {
	case p.Config != want.Config:
		return fmt.Errorf("it holds a model of shape %+v, this run wants %+v", p.Config, want.Config)
	case p.Options != want.Options:
		return fmt.Errorf("it was made with options %+v, this run has %+v", p.Options, want.Options)
	case p.Examples != want.Examples:
		return fmt.Errorf("it was made from %d examples, this run has %d", p.Examples, want.Examples)
	case p.Step < 0 || p.Step > want.Options.Steps || p.Place.Epoch < 0 || p.Place.Cursor < 0:
		return fmt.Errorf("step %d, epoch %d or cursor %d is out of range", p.Step, p.Place.Epoch, p.Place.Cursor)
	}
	return nil
}

func readArray(in io.Reader, a []float32) error {
	chunk := make([]byte, 4*checkpointChunk)
	for len(a) > 0 {
		n := min(len(a), checkpointChunk)
		if _, err := io.ReadFull(in, chunk[:4*n]); err != nil {
			return err
		}
		for i := range a[:n] {
			a[i] = math.Float32frombits(binary.LittleEndian.Uint32(chunk[4*i:]))
		}
		a = a[n:]
	}
	return nil
}

// checkSum compares the sum of what was read with the one that follows it at the end of the file.
func checkSum(in *bufio.Reader, sum hash.Hash32) error {
	var stored uint32
	if err := binary.Read(in, binary.LittleEndian, &stored); err != nil {
		return fmt.Errorf("checksum: %w", err)
	}
	if stored != sum.Sum32() {
		return fmt.Errorf("checksum is %08x, the contents give %08x", stored, sum.Sum32())
	}
	if _, err := in.ReadByte(); err != io.EOF {
		return errors.New("there is data behind the checksum")
	}
	return nil
}
