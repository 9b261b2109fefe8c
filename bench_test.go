package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/a472be26/cusp/infer/bench"
)

func parseBench(t *testing.T, args string) (benchCmd, error) {
	t.Helper()
	var c struct {
		Bench benchCmd `cmd:""`
	}
	parser, err := kong.New(&c, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(append([]string{"bench"}, strings.Fields(args)...))
	return c.Bench, err
}

func TestBenchRefusesWrongUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--shape nothing":         "15m",
		"--shape dim=64":          "missing",
		"--quant q4_0":            "f16, f32, q8_0",
		"x.gguf --shape 15m":      "random weights",
		"x.gguf --quant q8_0":     "random weights",
		"--threads 0":             "threads",
		"--threads 1,100000":      "threads",
		"--sequences 1,0":         "sequences",
		"--repeat 0":              "repeat",
		"--prefill=-1":            "prefill",
		"--decode 0":              "decode",
		"one.gguf two.gguf three": "two.gguf",
	} {
		if _, err := parseBench(t, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", args, err, want)
		}
	}
}

func TestBenchPrintsJSON(t *testing.T) {
	t.Parallel()
	c, err := parseBench(t, "--shape dim=64,layers=1,heads=4,ffn=64,vocab=64 --threads 1 --prefill 8 --decode 4 --sequences 1,2 --repeat 1 --json")
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if err := c.Run(t.Context(), streams{nil, &out, &errOut}); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Threads []struct {
			Decode struct{ Median float64 } `json:"decode_tok_per_s"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || len(report.Threads) != 1 || report.Threads[0].Decode.Median <= 0 {
		t.Errorf("%v in %s", err, &out)
	}
}

// The help must not fall behind the table of shapes.
func TestBenchHelpListsTheShapes(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[benchCmd]().FieldByName("Shape")
	for _, name := range bench.ShapeNames() {
		if !strings.Contains(field.Tag.Get("help"), name) {
			t.Errorf("the help of --shape does not mention %q", name)
		}
	}
}

func TestDoublings(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{1: {1}, 2: {1, 2}, 4: {1, 2, 4}, 6: {1, 2, 4, 6}} {
		if got := doublings(n); !slices.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", n, got, want)
		}
	}
}
