package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Opponent is another engine's benchmark program with llama-bench's options
// and JSON: that of llama.cpp or of one of its forks, built by the user. The
// program for several sequences is looked for beside it.
type Opponent struct {
	command []string // the program and arguments that every run gets
	batched string   // path of llama-batched-bench; empty: there is none
}

// batchedName is the program that measures several sequences.
const batchedName = "llama-batched-bench"

// NewOpponent takes a command: a path, then options like -fa 1, in words
// without spaces in them.
func NewOpponent(command string) (*Opponent, error) {
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil, errors.New("bench: an opponent is the path of a llama-bench program, and options")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fmt.Errorf("bench: opponent: %w", err)
	}
	o := &Opponent{command: words}
	beside := filepath.Join(filepath.Dir(words[0]), batchedName)
	if _, err := os.Stat(beside); err == nil {
		o.batched = beside
	}
	return o, nil
}

// llamaBench is one entry of llama-bench's JSON output.
type llamaBench struct {
	Commit    string    `json:"build_commit"`
	Number    int       `json:"build_number"`
	Prompt    int       `json:"n_prompt"`
	Generated int       `json:"n_gen"`
	Rates     []float64 `json:"samples_ts"`
}

// single measures prefill and decode once, in tokens per second.
func (o *Opponent) single(ctx context.Context, file string, threads, prefill, decode int) (version string, rates [2]float64, err error) {
	out, _, err := o.run(ctx, o.command[0], append(o.command[1:len(o.command):len(o.command)], "-m", file, "-t", strconv.Itoa(threads),
		"-p", strconv.Itoa(prefill), "-n", strconv.Itoa(decode), "-r", "1", "-o", "json"))
	if err != nil {
		return "", rates, err
	}
	var entries []llamaBench
	if err := json.Unmarshal(fromBracket(out), &entries); err != nil {
		return "", rates, fmt.Errorf("bench: %s printed no JSON that can be read: %w", o.command[0], err)
	}
	for _, e := range entries {
		if len(e.Rates) == 0 {
			continue
		}
		version = fmt.Sprintf("build %d (%s)", e.Number, e.Commit)
		switch {
		case e.Prompt == prefill && e.Generated == 0:
			rates[0] = e.Rates[0]
		case e.Prompt == 0 && e.Generated == decode:
			rates[1] = e.Rates[0]
		}
	}
	if !(rates[0] > 0 && rates[1] > 0) {
		return "", rates, fmt.Errorf("bench: %s reported no rate for a prompt of %d or %d generated tokens", o.command[0], prefill, decode)
	}
	return version, rates, nil
}

// fromBracket drops the lines that a program printed before its JSON array.
func fromBracket(out []byte) []byte {
	if i := bytes.Index(out, []byte("\n[")); i >= 0 {
		return out[i:]
	}
	return out
}

// several measures n sequences decoded together, in tokens per second of all.
func (o *Opponent) several(ctx context.Context, file string, threads, decode, n int) (float64, error) {
	args := []string{"-m", file, "-t", strconv.Itoa(threads), "-npp", "1", "-ntg", strconv.Itoa(decode), "-npl", strconv.Itoa(n),
		"-c", strconv.Itoa(n * (decode + 64)), "-b", "512", "-ub", "512"}
	out, failure, err := o.run(ctx, o.batched, args)
	if err != nil {
		return 0, err
	}
	return batchedRate(string(out)+string(failure), n) // forks differ in where they print it
}

// batchedRate finds S_TG of the row with B = n in the table
//
//	| PP | TG | B | N_KV | T_PP s | S_PP t/s | T_TG s | S_TG t/s | ...
func batchedRate(table string, n int) (float64, error) {
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 10 || strings.TrimSpace(cells[3]) != strconv.Itoa(n) {
			continue
		}
		if rate, err := strconv.ParseFloat(strings.TrimSpace(cells[8]), 64); err == nil && rate > 0 {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("bench: %s reported no rate for %d sequences", batchedName, n)
}

// run returns standard output and standard error; an error has the end of the
// latter.
func (o *Opponent) run(ctx context.Context, path string, args []string) (stdout, stderr []byte, err error) {
	var out, failure bytes.Buffer
	c := exec.CommandContext(ctx, path, args...)
	c.Stdout, c.Stderr = &out, &failure
	if err := c.Run(); err != nil {
		tail := failure.Bytes()
		tail = tail[max(0, len(tail)-500):]
		return nil, nil, fmt.Errorf("bench: %s %s: %w: %s", path, strings.Join(args, " "), err, bytes.TrimSpace(tail))
	}
	return out.Bytes(), failure.Bytes(), nil
}
