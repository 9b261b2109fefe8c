package distill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/distill/train"
	"github.com/a472be26/cusp/packaging/bundle"
)

func tiny(t *testing.T) Recipe {
	t.Helper()
	r, err := ReadRecipe("recipes/tiny.toml")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func finish(t *testing.T, j Job) *bundle.Bundle {
	t.Helper()
	var out bytes.Buffer
	j.UI.Out = &out
	b, err := Run(context.Background(), j)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return b
}

// data is a data directory in miniature: two validation sentences and a few
// texts in the layout of clinc150.
func data(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"intents/home_assistant/tests_en_zh-cn_half.jsonl": `{"lang":"en","file":"x","sentences":["turn on the lamp"],"intent":"HassTurnOn","slots":{"name":"lamp"}}
{"lang":"zh-cn","file":"x","sentences":["打开台灯"],"intent":"HassTurnOn","slots":{"name":"台灯"}}
`,
		"intents/clinc150/train_val.json": `{"train":[["what is my balance","balance"]],"val":[["freeze my account","freeze_account"],["next song","next_song"]],"oos_train":[["who ate it","oos"]],"oos_val":[["why so blue","oos"]]}`,
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRunMakesABundle(t *testing.T) {
	t.Parallel()
	b := finish(t, Job{Recipe: tiny(t), Data: data(t), Out: t.TempDir()})
	int8, _ := b.Manifest.Report["int8"].(map[string]any)
	if fmt.Sprint(int8["out_of_domain_sentences"]) != "2" || int8["en"] == nil || int8["zh-cn"] == nil {
		t.Errorf("report in the manifest: %v", b.Manifest.Report)
	}
	if s := b.Manifest.Speed; s == nil || s.DecodeTokensPerSecond <= 0 {
		t.Errorf("speed in the manifest: %v", s)
	}
	if _, err := bundle.Verify(b.Dir); !errors.Is(err, bundle.ErrUnsigned) {
		t.Errorf("bundle: %v, want unsigned and otherwise whole", err)
	}
	for _, name := range []string{lossFile, trainFile, vocabFile, f32File, reportFile} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(b.Dir), name)); err != nil {
			t.Error(err)
		}
	}
}

// stopper ends a context when the run writes a certain text.
type stopper struct {
	at     string
	cancel context.CancelFunc
}

func (s stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.at) {
		s.cancel()
	}
	return len(p), nil
}

// A run that is stopped in the middle and started again makes the same model,
// bit for bit, as one that was not.
func TestRunResumes(t *testing.T) {
	t.Parallel()
	whole := finish(t, Job{Recipe: tiny(t), Out: t.TempDir()})
	out := t.TempDir()
	for _, at := range []string{"vocabulary", "million parameters", "calibration:"} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Run(ctx, Job{Recipe: tiny(t), Out: out, UI: UI{Out: stopper{at, cancel}}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at %q: %v", at, err)
		}
	}
	parts := finish(t, Job{Recipe: tiny(t), Out: out})
	for file, sum := range whole.Manifest.Files {
		if parts.Manifest.Files[file] != sum {
			t.Errorf("%s differs after stops", file)
		}
	}
}

func TestStudentLearnsFromATeacher(t *testing.T) {
	t.Parallel()
	teacher := finish(t, Job{Recipe: tiny(t), Out: t.TempDir()})
	r := tiny(t)
	r.Name, r.Model.FFN = "cusp-pupil", 32
	r.Teacher = TeacherRecipe{Bundle: teacher.Dir, TopK: 4, Weight: 0.5, Temperature: 2}
	student := finish(t, Job{Recipe: r, Out: t.TempDir()})
	if student.Manifest.Sizes[bundle.ModelFile] >= teacher.Manifest.Sizes[bundle.ModelFile] {
		t.Error("the student is no smaller than its teacher")
	}
}

func TestRunRefusesAnotherRecipe(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if _, err := begin(Job{Recipe: tiny(t), Out: out}); err != nil {
		t.Fatal(err)
	}
	r := tiny(t)
	r.Seed++
	if _, err := begin(Job{Recipe: r, Out: out}); err == nil || !strings.Contains(err.Error(), "another recipe") {
		t.Errorf("%v", err)
	}
}

// A refined model has its predecessor's shape and vocabulary, and begins where
// that one ended: its first steps find less to learn.
func TestRunGoesOnFromAModel(t *testing.T) {
	t.Parallel()
	first := finish(t, Job{Recipe: tiny(t), Out: t.TempDir()})
	r := tiny(t)
	r.Version, r.Model = "0.0.2", ModelRecipe{Start: first.Dir, Context: r.Model.Context}
	r.Train.WarmupSteps, r.Train.LR, r.Train.MinLR = 0, 1e-4, 1e-4
	out := t.TempDir()
	second := finish(t, Job{Recipe: r, Out: out})
	if a, b := first.Manifest.Sizes[bundle.ModelFile], second.Manifest.Sizes[bundle.ModelFile]; a != b {
		t.Errorf("sizes %d and %d: the shape was not taken over", a, b)
	}
	before, after := history(t, filepath.Dir(first.Dir)), history(t, out)
	if end, begin := before[len(before)-1].Loss, after[0].Loss; begin > (before[0].Loss+end)/2 {
		t.Errorf("the loss begins at %.2f; the model it goes on from began at %.2f and ended at %.2f", begin, before[0].Loss, end)
	}
}

func history(t *testing.T, out string) []train.Step {
	t.Helper()
	steps, err := train.ReadHistory(train.HistoryPath(filepath.Join(out, checkpointFile)))
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// A data directory that holds nothing but what came back from the fleet is
// enough to learn from it; a gate that cannot be checked is not passed.
func TestRunLearnsFromRecordsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	line := `{"messages":[{"role":"user","content":"who wrote the origin of species"},{"role":"assistant","content":"Charles Darwin"}]}` + "\n"
	file := filepath.Join(dir, "records", "week.jsonl")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(line), 0o644)); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	finish(t, Job{Recipe: tiny(t), Data: dir, Out: out})
	examples, err := os.ReadFile(filepath.Join(out, trainFile))
	if err != nil || !strings.Contains(string(examples), "Charles Darwin") {
		t.Errorf("the recorded answer is not among the examples (error %v)", err)
	}
	gated := tiny(t)
	gated.Gate.IntentEnglish = 0.9
	if _, err := Run(t.Context(), Job{Recipe: gated, Data: dir, Out: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "gate") {
		t.Errorf("error %v, want one of the gate", err)
	}
}
