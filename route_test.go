package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router/calibrate"
)

// cusp runs one command and returns its exit status and what it printed.
func cusp(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// labelled writes answers with references; a sure answer is mostly right.
func labelled(t *testing.T, file string, n int) {
	t.Helper()
	var b strings.Builder
	r := rand.New(rand.NewPCG(1, 1))
	for range n {
		margin := 6 * r.Float64()
		value := "lamp"
		if r.Float64() > margin/4 {
			value = "fan"
		}
		fmt.Fprintf(&b, `{"question":"lamp on","answer":"{\"slots\":{\"name\":\"%s\"}}","reference":{"slots":{"name":"Lamp"}},"model":"ab","tokens":[{"logprob":-0.1,"margin":%f}]}`+"\n", value, margin)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRouteCalibrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, out, prices := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "calibration.json"), filepath.Join(dir, "prices.json")
	labelled(t, in, 600)
	if err := os.WriteFile(prices, []byte(`{"big":{"input":2,"output":8}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, printed, errOut := cusp(t, "route", "calibrate", in, "--compare", "json", "--alpha", "0.1", "--prices", prices, "-o", out, "--report", filepath.Join(dir, "report"))
	if code != 0 || strings.TrimSpace(printed) != out || !strings.Contains(errOut, "cost with big") {
		t.Fatalf("%d %s %s", code, printed, errOut)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	c, err := calibrate.Read(text)
	if err != nil || c.Model != "ab" || c.Threshold >= calibrate.Impossible || c.Accepted == 0 {
		t.Errorf("%v\n%s", err, text)
	}
	for _, name := range []string{"report.json", "report.txt", "risk.svg", "reliability.svg"} {
		if info, err := os.Stat(filepath.Join(dir, "report", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Questions that the model passed on are no answers, if a device can tell.
	passed := filepath.Join(dir, "passed.jsonl")
	labelled(t, passed, 600)
	f, err := os.OpenFile(passed, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	line := `{"question":"hello","answer":"not mine","declined":true,"model":"ab","correct":false}` + "\n"
	if _, err := f.WriteString(line + line); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := cusp(t, "route", "calibrate", passed, "--compare", "json", "-o", out); code != exitUsage || !strings.Contains(errOut, `"not mine"`) {
		t.Errorf("status %d, %s", code, errOut)
	}
	if code, _, errOut := cusp(t, "route", "calibrate", passed, "--compare", "json", "--decline", "not mine", "-o", out); code != 0 || !strings.Contains(errOut, "2 more were declined") {
		t.Errorf("status %d, %s", code, errOut)
	}
	// What cannot be calibrated says so, and leaves no file.
	none := filepath.Join(dir, "none.json")
	for want, args := range map[string][]string{
		"label them again":     {"--model", "builtin:student"},
		"--embedder need each": {"--compare", "cosine"},
		"no such file":         {"--compare", "./nowhere", "--similar", "0.5"},
		"--similar is 0, want": {"--similar", "0"},
		"alpha is 1 and delta": {"--compare", "json", "--alpha", "1"},
	} {
		code, _, errOut := cusp(t, append([]string{"route", "calibrate", in, "-o", none}, args...)...)
		if code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("%v: status %d, %s", args, code, errOut)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a failed calibration left a file")
	}
}

// Questions without answers are asked of the model, and the file belongs to its
// weights; chats as records export prints them are such questions.
func TestRouteCalibrateAsks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "calibration.json")
	var b strings.Builder
	for i := range 120 {
		for _, state := range []string{"On", "Off"} {
			answer := fmt.Sprintf(`{"intent":"HassTurn%s","slots":{"name":"lamp %d"}}`, state, i)
			text, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, `{"messages":[{"role":"user","content":"turn %s lamp %d"},{"role":"assistant","content":%s}]}`+"\n", strings.ToLower(state), i, text)
		}
	}
	if err := os.WriteFile(in, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := cusp(t, "route", "calibrate", in, "-o", out); code != exitUsage || !strings.Contains(errOut, "--model") {
		t.Errorf("status %d, %s", code, errOut)
	}
	code, _, errOut := cusp(t, "route", "calibrate", in, "--model", "builtin:student", "--compare", "json", "--alpha", "0.3", "-o", out)
	if code != 0 {
		t.Fatal(errOut)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	c, err := calibrate.Read(text)
	hash, _ := weightsHash("builtin:student")
	if err != nil || c.Model != hash || !c.Declined(`{"intent":"none","slots":{}}`) {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestRouteEvalAndPromise(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outcomes, answers := filepath.Join(dir, "o.csv"), filepath.Join(dir, "a.jsonl")
	if err := os.WriteFile(outcomes, []byte("question,weak,strong,router\neasy,1,1,0.1\nhard,0,1,0.9\nodd,0,0,0.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := cusp(t, "route", "eval", outcomes, "--router", "router", "--plot", filepath.Join(dir, "q.svg"))
	if code != 0 || !strings.Contains(out, "3 questions; weak 0.3333, strong 0.6667") || !strings.Contains(out, "oracle") {
		t.Errorf("%d %s %s", code, out, errOut)
	}
	if code, _, errOut := cusp(t, "route", "eval", outcomes, "--weak", "small"); code == 0 || !strings.Contains(errOut, `there is no "small"`) {
		t.Errorf("%d %s", code, errOut)
	}
	labelled(t, answers, 600)
	if code, _, errOut := cusp(t, "route", "promise", answers); code == 0 || !strings.Contains(errOut, "comparer") {
		t.Errorf("answers without verdicts: %d %s", code, errOut)
	}
	judged := strings.ReplaceAll(read(t, answers), `"reference":`, `"correct":true,"reference":`)
	judged = strings.ReplaceAll(judged, `fan\"}}","correct":true`, `fan\"}}","correct":false`)
	if err := os.WriteFile(answers, []byte(judged), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut = cusp(t, "route", "promise", answers, "--splits", "10", "--alpha", "0.2")
	if code != 0 || !strings.Contains(out, "of 10") {
		t.Errorf("%d %s %s", code, out, errOut)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
