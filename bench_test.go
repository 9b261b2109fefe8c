package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/a472be26/cusp/infer/bench"
	"github.com/a472be26/cusp/infer/quant"
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
		"--quant q4_9":            "q4_k, q4_k_m, q5_0",
		"x.gguf --save y.gguf":    "random weights",
		"--against ls":            "--save",
		"x.gguf --shape 15m":      "random weights",
		"x.gguf --quant q8_0":     "random weights",
		"--threads 0":             "threads",
		"--threads 1,100000":      "threads",
		"--sequences 1,0":         "sequences",
		"--repeat 0":              "repeat",
		"--batch-tokens=-1":       "tokens of a pass",
		"--prefill-chunk=-1":      "of prompts",
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

// The help must not fall behind the tables.
func TestBenchHelpListsShapesAndTypes(t *testing.T) {
	t.Parallel()
	for flag, names := range map[string][]string{"Shape": bench.ShapeNames(), "Quant": quant.MixNames()} {
		field, _ := reflect.TypeFor[benchCmd]().FieldByName(flag)
		for _, name := range names {
			if !strings.Contains(field.Tag.Get("help"), name) {
				t.Errorf("the help of --%s does not mention %q", strings.ToLower(flag), name)
			}
		}
	}
}

// A saved file is measured, and is there afterwards.
func TestBenchSaves(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "random.gguf")
	c, err := parseBench(t, "--shape dim=64,layers=1,heads=4,ffn=64,vocab=64 --quant q4_k_m --threads 1 --prefill 8 --decode 4 --sequences 1 --repeat 1 --save "+path)
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if err := c.Run(t.Context(), streams{nil, &out, &errOut}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil || !strings.Contains(out.String(), path+": Q4_K_M") {
		t.Errorf("%v, printed %s", err, &out)
	}
	c.Save = "/nowhere/x.gguf"
	if err := c.Run(t.Context(), streams{nil, &out, &errOut}); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("error %v does not name the folder", err)
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
