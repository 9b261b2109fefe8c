package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router/calibrate"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) < 1e-9) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestComparers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		by, answer, reference string
		want                  float64
	}{
		{"exact", " yes\n", "yes", 1}, {"exact", "Yes", "yes", 0},
		{"normalized", "The Eiffel Tower.", "eiffel tower", 1}, {"normalized", "Eiffel", "eiffel tower", 0},
		{"number", "so 3 + 4 = 7 apples", "3 and 4 make\n#### 7", 1}, {"number", "#### 1,234.50", "1234.5", 1},
		{"number", "it is -7", "7", 0}, {"number", "seven", "7", 0}, {"number", "in 2024 she had 18", "A: 18", 1},
		{"f1", "a cat sat", "the cat sat down", 0.8}, {"f1", "", "", 1}, {"f1", "x", "", 0},
		{"rouge-l", "down sat cat", "cat sat down", 1. / 3}, {"rouge-l", "cat down", "cat sat down", 0.8},
		{"json", `{"b":[1,"X "],"a":50}`, `{"a": "50.0", "b": [1, "x"]}`, 1}, {"json", `{"a":1}`, `{"a":1,"b":2}`, 0},
		{"json", `{"a":1} {"a":1}`, `{"a":1}`, 0}, {"json", "no", "no", 0}, {"json", `{"a":null}`, `{"a":null}`, 1},
	} {
		got, err := Comparers[c.by].Compare(context.Background(), "", c.answer, c.reference)
		if err != nil || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s of %q and %q is %v, want %v (%v)", c.by, c.answer, c.reference, got, c.want, err)
		}
	}
}

// A command gets all three texts and its number is checked.
func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := func(name, text string) Command {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return Command{"/bin/sh", file}
	}
	score, err := script("judge", `read line; test "$line" = '{"answer":"a","question":"q","reference":"r"}' && echo 0.5`).Compare(t.Context(), "q", "a", "r")
	if err != nil || score != 0.5 {
		t.Errorf("%v, %v", score, err)
	}
	for name, text := range map[string]string{"fails": "echo broken >&2; exit 3", "text": "echo yes", "two": "echo 2", "nan": "echo NaN"} {
		if _, err := script(name, text).Compare(t.Context(), "q", "a", "r"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type fakeEmbedder map[string][]float32

func (f fakeEmbedder) Embed(_ context.Context, texts []string) (out [][]float32, err error) {
	for _, t := range texts {
		out = append(out, f[t])
	}
	return out, nil
}

func TestJudge(t *testing.T) {
	t.Parallel()
	no := false
	records := []Record{{Answer: "a", Reference: []byte(`"r"`)}, {Answer: "b", Reference: []byte(`"r"`)}, {Answer: "a", Reference: []byte(`"r"`), Correct: &no}}
	c := Cosine{fakeEmbedder{"r": {1, 0}, "a": {0.9, 0.4}, "b": {0.5, 0.9}}}
	if err := Judge(t.Context(), records, c, 0.8, nil); err != nil {
		t.Fatal(err)
	}
	if !*records[0].Correct || *records[1].Correct || *records[2].Correct {
		t.Error("verdicts are not what the cosines say, or one that stood was changed")
	}
}

func TestReadRecords(t *testing.T) {
	t.Parallel()
	text := `{"question":"q","answer":"a","reference":{"x": 1},"tokens":[{"logprob":-1,"margin":2}]}

{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"right"}]}
{"features":{"margin_min":1},"correct":true}`
	records, err := ReadRecords(strings.NewReader(text), "f")
	if err != nil {
		t.Fatal(err)
	}
	if r := records[0]; r.ReferenceText() != `{"x": 1}` || !r.Answered() {
		t.Errorf("%+v", r)
	}
	if r := records[1]; r.ReferenceText() != "right" || r.Question != "u" || len(r.Messages) != 2 || r.Answered() {
		t.Errorf("%+v", r)
	}
	var again bytes.Buffer
	if err := WriteRecords(&again, records); err != nil {
		t.Fatal(err)
	}
	if same, err := ReadRecords(&again, "again"); err != nil || len(same) != 3 || same[1].Question != "u" {
		t.Errorf("%v, %v", same, err)
	}
	for name, bad := range map[string]string{
		"f:1: invalid":     "x",
		"nothing tells":    `{"question":"q","answer":"a"}`,
		"no confidence":    `{"correct":true}`,
		"entropies are of": `{"correct":true,"tokens":[{}],"entropies":[1,2]}`,
		"cannot unmarshal": `{"correct":"yes"}`,
		"token too long":   strings.Repeat("x", maxLine+1),
	} {
		if _, err := ReadRecords(strings.NewReader(bad), "f"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadRecords(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"tokens":[{"logprob":-1e9}]}`))
	f.Add([]byte("{\"question\":\"q\",\"reference\":[1]}\n\n{\"correct\":false,\"features\":{\"a\":1}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		records, err := ReadRecords(bytes.NewReader(text), "f")
		if err != nil {
			return
		}
		if err := Judge(t.Context(), records, Comparers["json"], 1, nil); err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if records[i].Correct == nil && !records[i].Declined {
				t.Fatal("a record without verdict or reference was read")
			}
		}
	})
}

func TestAUROC(t *testing.T) {
	t.Parallel()
	near(t, "in order", AUROC([]float64{1, 2, 3, 4}, []bool{false, false, true, true}), 1)
	near(t, "of ties", AUROC([]float64{1, 1, 1}, []bool{false, true, true}), 0.5)
	near(t, "of one swap", AUROC([]float64{1, 2, 3, 4}, []bool{false, true, false, true}), 0.75)
	if !math.IsNaN(AUROC([]float64{1}, []bool{true})) {
		t.Error("there is no AUROC of one class")
	}
}

func TestRiskAndReliability(t *testing.T) {
	t.Parallel()
	judged := []calibrate.Judged{{Confidence: 0.9, Correct: true}, {Confidence: 0.9, Correct: true}, {Confidence: 0.5, Correct: false}, {Confidence: 0.1, Correct: false}}
	curve := RiskCurve(judged)
	if want := []RiskPoint{{0.5, 0}, {0.75, 1. / 3}, {1, 0.5}}; len(curve) != 3 || curve[0] != want[0] || curve[1] != want[1] || curve[2] != want[2] {
		t.Errorf("%v", curve)
	}
	near(t, "AURC", AURC(curve), 0.25/3+0.125)
	bins, ece := Reliability(judged, 10)
	near(t, "ECE", ece, 0.5*0.1+0.25*0.5+0.25*0.1)
	if len(bins) != 3 || bins[2].Answers != 2 {
		t.Errorf("%+v", bins)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	outcomes := []Outcome{{Weak: 0, Strong: 1, Router: 4}, {Weak: 1, Strong: 1, Router: 3}, {Weak: 0, Strong: 1, Router: 2}, {Weak: 1, Strong: 1, Router: 1}}
	q, err := Measure("r", outcomes, RouterScores(outcomes), []float64{0, 0.4})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weak", q.Weak, 0.5)
	near(t, "strong", q.Strong, 1)
	near(t, "APGR", q.APGR, 0.25*(0.25+0.5+0.75+1)) // gaps 0, .5, .5, 1, 1
	near(t, "CPT(50%)", q.CPT50, 0.25)
	near(t, "CPT(80%)", q.CPT80, 0.65)
	near(t, "local at 0", q.Covered[0].Coverage, 0.25)
	near(t, "local at 0.4", q.Covered[1].Coverage, 0.75)
	oracle, err := Measure("oracle", outcomes, OracleScores(outcomes), []float64{0})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "oracle's APGR", oracle.APGR, 0.75)
	near(t, "oracle's CPT(50%)", oracle.CPT50, 0.25)
	near(t, "oracle's local at 0", oracle.Covered[0].Coverage, 0.5)
	same, err := Measure("all the same", outcomes, make([]float64, 4), nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "APGR of one score for all", same.APGR, 0.5)
	near(t, "CPT(80%) of it", same.CPT80, 0.8)
	random, err := MeasureRandom(outcomes, nil, 2000, 1)
	if err != nil || math.Abs(random.APGR-0.5) > 0.02 {
		t.Errorf("random routers have the APGR %v (%v)", random.APGR, err)
	}
	if _, err := Measure("none", nil, nil, nil); err == nil {
		t.Error("nothing was measured")
	}
}

func TestReadOutcomes(t *testing.T) {
	t.Parallel()
	c := Columns{"q", "weak", "strong", "score"}
	a, err := ReadOutcomes(strings.NewReader("{\"q\":\"x\",\"weak\":false,\"strong\":0.5,\"score\":3}\n"), "a.jsonl", c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ReadOutcomes(strings.NewReader("strong, weak,score,q\n0.5,False,3,x\n"), "b.CSV", c)
	if err != nil || len(b) != 1 || len(a) != 1 || a[0] != b[0] || a[0] != (Outcome{"x", 0, 0.5, 3}) {
		t.Errorf("%v and %v (%v)", a, b, err)
	}
	for name, text := range map[string]string{
		"a.jsonl:2: there is no": "{\"weak\":1,\"strong\":1,\"score\":1}\n{\"weak\":1}",
		"a.jsonl":                "x",
		"want a number":          `{"weak":"good","strong":1}`,
	} {
		if _, err := ReadOutcomes(strings.NewReader(text), "a.jsonl", c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"b.csv:3": "weak,strong,score\n1,1,1\n1,1,Inf\n", "b.csv: header": "", "wrong number of fields": "weak,strong\n1\n"} {
		if _, err := ReadOutcomes(strings.NewReader(text), "b.csv", c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadOutcomes(f *testing.F) {
	f.Add("a.csv", "weak,strong,router\n1,0,0.5\n")
	f.Add("a.jsonl", `{"weak":true,"strong":1e300,"router":-1}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		outcomes, err := ReadOutcomes(strings.NewReader(text), name, Columns{"question", "weak", "strong", "router"})
		if err != nil {
			return
		}
		if q, err := Measure("r", outcomes, RouterScores(outcomes), []float64{0.1}); err == nil && !(q.Covered[0].Coverage >= 0 && q.Covered[0].Coverage <= 1) {
			t.Errorf("%+v", q.Covered)
		}
	})
}

// answers draws labelled answers: a copied value is right more often, and the
// margins tell something.
func answers(n int, seed uint64) []Record {
	r := rand.New(rand.NewPCG(seed, 5))
	out := make([]Record, n)
	for i := range out {
		doubt := math.Pow(r.Float64(), 3)
		copied := r.Float64() < 0.7
		right := r.Float64() < (1-0.7*doubt)*map[bool]float64{true: 1, false: 0.6}[copied]
		rec := Record{Question: "turn on the lamp now", Answer: `{"name":"fan"}`, Correct: &right, Declined: i%20 == 0, Model: "ab"}
		if copied {
			rec.Answer = `{"name":"lamp"}`
		}
		for range 3 + r.IntN(5) {
			rec.Tokens = append(rec.Tokens, calibrate.Token{LogProb: float32(-2 * doubt * r.Float64()), Margin: float32((1 - doubt) * 8 * r.Float64())})
			rec.Entropies = append(rec.Entropies, float32(doubt*r.Float64()))
		}
		out[i] = rec
	}
	return out
}

// On answers of which the text tells something, the rule answers more than any
// score of the tokens or of the question, and keeps the promise.
func TestSplits(t *testing.T) {
	t.Parallel()
	results, err := Splits(t.Context(), answers(2000, 1), SplitOptions{Splits: 20, Alphas: []float64{0.1}, Delta: 0.05, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ours := results[0]
	if ours.Score != OursName || ours.Coverage < 0.3 {
		t.Fatalf("%+v", ours)
	}
	for _, r := range results[1:] {
		if r.Coverage >= ours.Coverage || r.AUROC >= ours.AUROC {
			t.Errorf("%s answers %.3f with AUROC %.3f, ours %.3f with %.3f", r.Score, r.Coverage, r.AUROC, ours.Coverage, ours.AUROC)
		}
	}
	if len(results) != 8 {
		t.Errorf("%d scores, want 8", len(results))
	}
	// P(more than 5 of 20 at a rate of 0.05) = 0.0003, and the rest is noisy too.
	for _, r := range results {
		if r.Broken > 5 {
			t.Errorf("%s broke the promise in %d of %d splits", r.Score, r.Broken, r.Splits)
		}
	}
	var out bytes.Buffer
	if err := PrintSplits(&out, results); err != nil || strings.Count(out.String(), "\n") != 9 {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestCalibrate(t *testing.T) {
	t.Parallel()
	records := answers(2000, 2)
	report, err := Calibrate(records, calibrate.Options{Alpha: 0.1, Delta: 0.05, Seed: 3}, "ab", []string{"no"})
	if err != nil {
		t.Fatal(err)
	}
	c := report.Calibration
	if c.Model != "ab" || c.PassedOn != 100 || c.Samples != 950 || !c.Declined("no") || report.ECE > 0.1 || len(report.Curves) != 8 {
		t.Errorf("%+v\nECE %v, %d curves", c, report.ECE, len(report.Curves))
	}
	// The report speaks of the very half that tested the threshold.
	for _, p := range report.Curves[0].Points {
		if math.Abs(p.Coverage-c.Coverage) < 1e-9 && math.Abs(p.Risk-report.Risk) > 1e-9 {
			t.Errorf("risk at the threshold is %v in the curve and %v in the calibration", p.Risk, report.Risk)
		}
	}
	near(t, "all local", report.Local, c.Coverage*0.95)
	if err := report.Reckon(records, map[string]Price{"m": {2, 10}}); err != nil || len(report.Costs) != 1 {
		t.Fatalf("%v, %v", report.Costs, err)
	}
	near(t, "saved", report.Costs[0].Asked, report.Costs[0].All*(1-report.Local))
	if text, err := json.Marshal(report); err != nil || !bytes.Contains(text, []byte(`"risk_coverage"`)) {
		t.Error(err)
	}
	dir := t.TempDir()
	for name, draw := range map[string]func(file string) error{
		"risk.svg":        func(f string) error { return PlotRisk(f, report.Curves, 0.1) },
		"reliability.png": func(f string) error { return PlotReliability(f, report.Reliability, report.ECE) },
	} {
		if err := draw(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Features alone are enough, and those that are there are the rule's.
func TestCalibrateOnFeatures(t *testing.T) {
	t.Parallel()
	records := answers(1000, 3)
	for i := range records {
		records[i].Features = map[string]float64{"margin_min": float64(margins(records[i])[0]), "logprob_mean": sum(records[i].Tokens)}
		records[i].Tokens, records[i].Entropies = nil, nil
	}
	report, err := Calibrate(records, calibrate.Options{Alpha: 0.2, Delta: 0.05}, "ab", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Calibration.Rule.Features; len(got) != 2 || got[0] != "logprob_mean" {
		t.Errorf("the rule has the features %v", got)
	}
}

func TestModelOf(t *testing.T) {
	t.Parallel()
	if m, err := ModelOf([]Record{{}, {Model: "a"}, {Model: "a"}}); m != "a" || err != nil {
		t.Errorf("%q, %v", m, err)
	}
	if _, err := ModelOf([]Record{{Model: "a"}, {Model: "b"}}); err == nil {
		t.Error("two models became one")
	}
}

func TestLinear(t *testing.T) {
	t.Parallel()
	var x []Sparse
	var y []int
	for i, class := range []string{"turn on the light", "play some music", "what is the time"} {
		for _, extra := range []string{"", " please", " now", " for me"} {
			x, y = append(x, NGrams(class+extra)), append(y, i)
		}
	}
	m := TrainLinear(NGramInputs, 3, x, y, LinearOptions{})
	for text, want := range map[string]int{"light on please": 0, "music": 1, "tell the time": 2} {
		p := m.Probabilities(NGrams(text))
		if sum := p[0] + p[1] + p[2]; p[want] < 0.5 || math.Abs(float64(sum)-1) > 1e-5 {
			t.Errorf("%q: %v", text, p)
		}
	}
}

// A student tells intents by vectors and words, and is less sure of what is
// neither.
func TestIntents(t *testing.T) {
	t.Parallel()
	vectors := map[string][]float32{"light": {1, 0, 0}, "music": {0, 1, 0}, "": {0, 0, 1}}
	var texts []Intent
	var x [][]float32
	for intent, words := range map[string][]string{"light": {"lamp on", "lamp off", "bright lamp"}, "music": {"play songs", "a song", "louder song"}, "": {"why is that", "who knows"}} {
		for _, w := range words {
			texts, x = append(texts, Intent{w, intent}), append(x, vectors[intent])
		}
	}
	s, err := TrainIntents(texts, x, LinearOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	verdicts := s.Judge(texts, x)
	if got := Trade(verdicts, 0.6); got.InScope != 1 || got.Recall != 1 || got.Kept != 1 || got.Local != 1 {
		t.Errorf("%+v", got)
	}
	if got := Trade(verdicts, 0); got.Recall != 0 || got.InScope != 1 {
		t.Errorf("%+v", got)
	}
	if got := Trade(verdicts, 2); got.Recall != 1 || got.InScope != 0 {
		t.Errorf("%+v", got)
	}
	if _, err := TrainIntents(texts, x[1:], LinearOptions{}); err == nil {
		t.Error("texts without vectors were trained on")
	}
	near(t, "threshold", ThresholdFor([]Verdict{{0.9, true, true}, {0.5, true, true}, {0.1, false, false}}, 0.5), 0.9)
}
