package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a472be26/cusp/infer/quant"
)

// fakes are the opponent's programs, as scripts: llama-bench answers, or fails
// as it is told to.
var fakes = map[string]string{
	"llama-bench": `#!/bin/sh
case "$*" in
*--fail*) echo "failed to load model" >&2; exit 1 ;;
*--silent*) echo "[]" ;;
*--chatty*) echo "Usage: none" ;;
*) cat <<END
a line first [sic]
[{"build_commit":"abc","build_number":7,"n_prompt":32,"n_gen":0,"samples_ts":[123.4]},
{"build_commit":"abc","build_number":7,"n_prompt":0,"n_gen":8,"samples_ts":[56.7]}]
END
esac
`,
	batchedName: `#!/bin/sh
cat >&2 <<END
main: something first

|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |
|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|
|     1 |      8 |    3 |     27 |    0.001 |  1000.00 |    0.010 |   246.80 |    0.011 |  2400.00 |
END
`,
}

// opponentIn puts fake programs into a folder.
func opponentIn(t *testing.T, options string, names ...string) *Opponent {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(fakes[name]), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o, err := NewOpponent(filepath.Join(dir, "llama-bench") + options)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func tinyFile(t *testing.T) Path {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := os.WriteFile(path, tiny(t, quant.MixOf(quant.Q8_0), 64).data, 0o600); err != nil {
		t.Fatal(err)
	}
	return Path(path)
}

// Not parallel, nor is the next one: a program cannot be started while a child
// of another test still holds it open for writing.
func TestCompare(t *testing.T) {
	both := opponentIn(t, " -fa 1", "llama-bench", batchedName)
	alone := opponentIn(t, "", "llama-bench")
	c, err := Compare(t.Context(), tinyFile(t), quick(), []*Opponent{both, alone}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Cells) != 3 {
		t.Fatalf("%d cells, want prefill, decode and 3 sequences", len(c.Cells))
	}
	for i, rate := range []float64{123.4, 56.7, 246.8} {
		cell := c.Cells[i]
		got := cell.Against[0]
		if got.Rate != (Spread{rate, rate, rate}) || !got.Known {
			t.Errorf("%s: the opponent has %v, want %v", cell.What, got.Rate, rate)
		}
		if want := cell.Cusp.Max / rate; got.Ratio.Max != want {
			t.Errorf("%s: the largest ratio is %v, want %v", cell.What, got.Ratio.Max, want)
		}
		if known := i < 2; cell.Against[1].Known != known {
			t.Errorf("%s: known of the program without a batched one: %t, want %t", cell.What, !known, known)
		}
	}
	var text bytes.Buffer
	if err := c.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-fa 1, build 7 (abc)", "Cusp / [2]", "prefill 32", "3 sequences", "no " + batchedName} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table does not mention %q:\n%s", want, &text)
		}
	}
}

func TestOpponentsThatFail(t *testing.T) {
	for options, want := range map[string]string{
		" --fail":   "failed to load model",
		" --silent": "no rate for a prompt of 32",
		" --chatty": "no JSON",
	} {
		o := opponentIn(t, options, "llama-bench")
		if _, err := Compare(t.Context(), tinyFile(t), quick(), []*Opponent{o}, func(string) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", options, err, want)
		}
	}
	for _, command := range []string{"", "/nowhere/llama-bench"} {
		if _, err := NewOpponent(command); err == nil {
			t.Errorf("%q was taken", command)
		}
	}
	if rate, err := batchedRate("| 1 | 8 | 2 |\n", 2); err == nil {
		t.Errorf("a short row gave %v", rate)
	}
}
