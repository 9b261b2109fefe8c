package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/a472be26/cusp/router"
)

// version of the file's format.
const version = 1

// maxNow is about the age that a ledger can have.
const maxNow = 200 * 365 * 24 * time.Hour

// maxFile bounds the file that is read: some thousand reservations.
const maxFile = 4 << 20

// state is what the file holds.
type state struct {
	Version int                          `json:"version"`
	Now     time.Duration                `json:"now"`  // the ledger's time when it was written
	Wall    time.Time                    `json:"wall"` // the latest time that the wall clock ever showed
	Slots   map[string]map[int64]float64 `json:"slots"`
	Open    map[string]reservation       `json:"open"` // by question id
}

func newState() *state {
	return &state{Version: version, Slots: map[string]map[int64]float64{}, Open: map[string]reservation{}}
}

// window is what was counted of a quantity, by slot.
func (s *state) window(q Quantity, w Window) map[int64]float64 {
	key := string(q) + "/" + string(w)
	if s.Slots[key] == nil {
		s.Slots[key] = map[int64]float64{}
	}
	return s.Slots[key]
}

// read returns nil if there is no file. A damaged one is an error, and set aside.
func read(file string) (*state, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var text []byte
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("it has %d bytes, at most %d are read", info.Size(), maxFile)
	}
	if err == nil {
		text, err = os.ReadFile(file)
	}
	var s *state
	if err == nil {
		s, err = decode(text)
	}
	if err != nil {
		return nil, fmt.Errorf("counters of the budgets, %s: %w", file, errors.Join(err, os.Rename(file, file+".damaged")))
	}
	return s, nil
}

// decode believes nothing of the text.
func decode(text []byte) (*state, error) {
	s := newState()
	s.Version = 0
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	if s.Version != version {
		return nil, fmt.Errorf("version %d is not %d", s.Version, version)
	}
	if s.Now < 0 || s.Now > maxNow || s.Slots == nil || s.Open == nil {
		return nil, errors.New("it is not whole")
	}
	known := map[string]int64{}
	for _, q := range quantities {
		for _, p := range spans {
			known[string(q)+"/"+string(p.window)] = int64(s.Now / p.width)
		}
	}
	for key, w := range s.Slots {
		latest, ok := known[key]
		if !ok {
			return nil, fmt.Errorf("%q is no window", key)
		}
		for slot, v := range w {
			if slot < 0 || slot > latest || !amount(v) {
				return nil, fmt.Errorf("%s: %g at %d", key, v, slot)
			}
		}
	}
	for id, r := range s.Open {
		if router.CheckID(id) != nil || r.At < 0 || r.At > s.Now || !amount(r.USD) || !amount(r.Bytes) {
			return nil, fmt.Errorf("reservation of %.40q", id)
		}
	}
	return s, nil
}

func amount(v float64) bool { return v >= 0 && v < 1e18 && !math.IsNaN(v) }

// save writes the file whole or not at all, also through a power cut. Nothing
// is written while there is no limit. That it fails is said once.
func (l *Ledger) save() error {
	if l.budgets.none() {
		return nil
	}
	if now := l.o.wall().Round(0).UTC(); now.After(l.s.Wall) {
		l.s.Wall = now
	}
	l.saved = l.s.Now
	text, err := json.Marshal(l.s)
	if err == nil {
		err = write(l.o.File, append(text, '\n'))
	}
	if err != nil && !l.failing {
		l.o.Log.Error("budgets cannot be counted on disk; the cloud is asked no more", "file", l.o.File, "error", err)
	}
	l.failing = err != nil
	return err
}

func write(file string, text []byte) error {
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
