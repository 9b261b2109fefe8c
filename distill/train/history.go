package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// historyColumns name the fields of one line in a history file; the last three are empty at steps without validation.
var historyColumns = []string{
	"step", "steps", "loss", "ce", "kl", "accuracy", "grad_norm", "lr", "tokens", "tokens_per_second", "elapsed_s",
	"valid_loss", "valid_accuracy", "valid_exact",
}

// HistoryPath is where a run with the given checkpoint file keeps the history of its steps, as CSV.
func HistoryPath(checkpoint string) string { return checkpoint + ".csv" }

// ReadHistory returns the steps in a history file.
func ReadHistory(path string) ([]Step, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read history %s: %w", path, err)
	}
	var steps []Step
	for i, line := range lines[min(1, len(lines)):] {
		s, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("read history %s: line %d: %w", path, i+2, err)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// parseStep reads one line; the CSV reader has checked the number of fields against the first line's.
func parseStep(line []string) (Step, error) {
	if len(line) != len(historyColumns) {
		return Step{}, fmt.Errorf("has %d fields, want %d", len(line), len(historyColumns))
	}
	number := make([]float64, len(line))
	for i, field := range line {
		if field == "" && i >= len(line)-3 {
			continue
		}
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return Step{}, fmt.Errorf("%s: %w", historyColumns[i], err)
		}
		number[i] = v
	}
	s := Step{
		Step: int(number[0]), Steps: int(number[1]), Loss: number[2], CE: number[3], KL: number[4], Accuracy: number[5],
		GradNorm: number[6], LR: number[7], Tokens: int64(number[8]), TokensPerSecond: number[9],
		Elapsed: time.Duration(number[10] * float64(time.Second)),
	}
	if line[len(line)-1] != "" {
		s.Valid = &Score{Loss: number[11], Accuracy: number[12], Exact: number[13]}
	}
	return s, nil
}

func formatStep(s Step) []string {
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }
	line := []string{
		strconv.Itoa(s.Step), strconv.Itoa(s.Steps), text(s.Loss), text(s.CE), text(s.KL), text(s.Accuracy),
		text(s.GradNorm), text(s.LR), strconv.FormatInt(s.Tokens, 10), text(s.TokensPerSecond), text(s.Elapsed.Seconds()),
	}
	if s.Valid == nil {
		return append(line, "", "", "")
	}
	return append(line, text(s.Valid.Loss), text(s.Valid.Accuracy), text(s.Valid.Exact))
}

// history appends steps to a file. It is a record for people and plots: losing its last lines in a crash is fine, since
// resuming cuts it back to the checkpoint.
type history struct {
	file *os.File
	out  *csv.Writer
}

// openHistory starts the file at path with the lines that it already has up to the given step.
func openHistory(path string, step int) (*history, error) {
	var kept []Step
	if step > 0 {
		old, err := ReadHistory(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; move it away to go on without the old lines", err)
		}
		kept = old
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	h := &history{file: file, out: csv.NewWriter(file)}
	h.out.Write(historyColumns)
	for _, s := range kept {
		if s.Step <= step {
			h.out.Write(formatStep(s))
		}
	}
	return h, h.flush()
}

func (h *history) add(s Step) error {
	h.out.Write(formatStep(s))
	return h.flush()
}

func (h *history) flush() error {
	h.out.Flush()
	if err := h.out.Error(); err != nil {
		return fmt.Errorf("write history %s: %w", h.file.Name(), err)
	}
	return nil
}

func (h *history) close() error { return h.file.Close() }
