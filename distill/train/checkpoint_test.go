package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func testMark() progressMark {
	return progressMark{
		Config: tiny, Options: short().identity(), Examples: 31, Step: 7,
		Place: place{Epoch: 2, Cursor: 5}, Tokens: 1234, Elapsed: time.Second,
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.ckpt")
	if _, found, err := loadCheckpoint(path, testMark(), nil); found || err != nil {
		t.Fatalf("without a file: found %v, %v", found, err)
	}
	arrays := [][]float32{{1, 2, 3}, make([]float32, 3*checkpointChunk+1), {}}
	arrays[1][3*checkpointChunk] = -0.5
	for range 2 { // the second save replaces the first
		if err := saveCheckpoint(path, testMark(), arrays); err != nil {
			t.Fatal(err)
		}
	}
	got := [][]float32{make([]float32, 3), make([]float32, 3*checkpointChunk+1), {}}
	mark, found, err := loadCheckpoint(path, testMark(), got)
	if err != nil || !found || mark != testMark() {
		t.Fatalf("found %v, mark %+v: %v", found, mark, err)
	}
	for i := range arrays {
		if !slices.Equal(arrays[i], got[i]) {
			t.Errorf("array %d differs", i)
		}
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files left behind: %v", files)
	}
}

func TestCheckpointRefusesDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.ckpt")
	if err := saveCheckpoint(path, testMark(), [][]float32{{1, 2, 3}}); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		bad := slices.Clone(good)
		bad[at] ^= 0x10
		return bad
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"empty":        {nil, "magic"},
		"magic":        {flip(0), "magic is"},
		"length":       {flip(len(checkpointMagic) + 3), "header length"},
		"value":        {flip(len(good) - 6), "checksum is"},
		"checksum":     {flip(len(good) - 1), "checksum is"},
		"half a value": {good[:len(good)-6], "array 0 of 3 values"},
		"no checksum":  {good[:len(good)-4], "checksum"},
		"tail":         {append(slices.Clone(good), 0), "behind the checksum"},
		"header":       {good[:len(checkpointMagic)+20], "header"},
	} {
		if err := os.WriteFile(path, test.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := loadCheckpoint(path, testMark(), [][]float32{make([]float32, 3)})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the file", name, err, test.want)
		}
	}
}

func TestCheckpointRefusesAnotherRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.ckpt")
	if err := saveCheckpoint(path, testMark(), nil); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*progressMark){
		"model of shape": func(m *progressMark) { m.Config.Layers++ },
		"options":        func(m *progressMark) { m.Options.LR *= 2 },
		"31 examples":    func(m *progressMark) { m.Examples++ },
		"out of range":   func(m *progressMark) { m.Step = short().Steps + 1; saveCheckpoint(path, *m, nil) },
	} {
		mark := testMark()
		change(&mark)
		if _, _, err := loadCheckpoint(path, mark, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if err := saveCheckpoint(path, testMark(), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHistoryKeepsScores(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.csv")
	h, err := openHistory(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	plain := Step{Step: 1, Steps: 3, Loss: 1.5, CE: 2, KL: 0.25, Accuracy: 0.5, GradNorm: 3, LR: 0.001, Tokens: 5000000000, TokensPerSecond: 1000, Elapsed: 1500 * time.Millisecond}
	scored := plain
	scored.Step, scored.Valid = 2, &Score{Loss: 0.5, Accuracy: 0.75, Exact: 0.25}
	for _, s := range []Step{plain, scored} {
		if err := h.add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadHistory(path)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d steps: %v", len(got), err)
	}
	if got[0] != plain || *got[1].Valid != *scored.Valid || got[1].Step != 2 {
		t.Errorf("history %+v", got)
	}
	if err := os.WriteFile(path, []byte("step,loss\n1,x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadHistory(path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a strange file: %v", err)
	}
}
