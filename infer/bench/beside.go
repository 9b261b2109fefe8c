package bench

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Comparison is Cusp beside other engines on the same file with the same
// threads. They take turns, measurement by measurement, since machines drift:
// the ratios are those of neighbours in time.
type Comparison struct {
	Machine   Machine  `json:"machine"`
	Model     Work     `json:"model"`
	Repeat    int      `json:"repeat"`
	Opponents []string `json:"opponents"` // command and version
	Cells     []Cell   `json:"cells"`
}

// Cell is one measurement of everybody.
type Cell struct {
	What    string    `json:"what"`
	Threads int       `json:"threads"`
	Cusp    Spread    `json:"cusp_tok_per_s"`
	Against []Against `json:"against"` // in the order of Comparison.Opponents
}

// Against is an opponent's rate, and Cusp's divided by it, pair by pair; Known
// is false if the opponent has no program for that.
type Against struct {
	Known bool   `json:"known"`
	Rate  Spread `json:"tok_per_s"`
	Ratio Spread `json:"cusp_ratio"`
}

// Compare measures the file with everybody in turn.
func Compare(ctx context.Context, file Path, o Options, opponents []*Opponent, progress func(step string)) (*Comparison, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	f, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := newBench(file, f, o, progress)
	if err != nil {
		return nil, err
	}
	defer b.unplace()
	c := &comparison{bench: b, file: string(file), opponents: opponents}
	c.Comparison = Comparison{Machine: ThisMachine(), Model: b.work, Repeat: o.Repeat, Opponents: make([]string, len(opponents))}
	for _, threads := range o.Threads {
		if err := c.threads(ctx, threads); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", count(threads, "thread"), err)
		}
	}
	return &c.Comparison, nil
}

type comparison struct {
	Comparison
	bench     *bench
	file      string
	opponents []*Opponent
}

// turns are the figures of one cell, turn by turn: Cusp's and the opponents',
// 0 where there is none.
type turns struct {
	what   string
	cusp   []float64
	others [][]float64
}

func (c *comparison) newTurns(format string, args ...any) *turns {
	return &turns{what: fmt.Sprintf(format, args...), others: make([][]float64, len(c.opponents))}
}

func (c *comparison) threads(ctx context.Context, threads int) error {
	o := c.bench.options
	cells := []*turns{c.newTurns("prefill %d", o.Prefill), c.newTurns("decode %d", o.Decode)}
	for _, n := range o.Sequences {
		if n > 1 {
			cells = append(cells, c.newTurns("%d sequences", n))
		}
	}
	for turn := range o.Repeat {
		c.bench.progress(fmt.Sprintf("%s: turn %d of %d: Cusp", count(threads, "thread"), turn+1, o.Repeat))
		if err := c.ownTurn(ctx, threads, cells); err != nil {
			return err
		}
		for i := range c.opponents {
			c.bench.progress(fmt.Sprintf("%s: turn %d of %d: %s", count(threads, "thread"), turn+1, o.Repeat, c.opponents[i].command[0]))
			if err := c.otherTurn(ctx, threads, i, cells); err != nil {
				return err
			}
		}
	}
	for _, t := range cells {
		c.Cells = append(c.Cells, t.cell(threads))
	}
	return nil
}

// ownTurn measures every cell once with Cusp.
func (c *comparison) ownTurn(ctx context.Context, threads int, cells []*turns) error {
	b := *c.bench
	b.options.Repeat = 1
	own := []func(context.Context, int) (Spread, error){
		b.prefill,
		func(ctx context.Context, threads int) (Spread, error) { return b.decode(ctx, threads, 1) },
	}
	for _, n := range b.options.Sequences {
		if n > 1 {
			own = append(own, func(ctx context.Context, threads int) (Spread, error) { return b.decode(ctx, threads, n) })
		}
	}
	for i, measure := range own {
		s, err := measure(ctx, threads)
		if err != nil {
			return err
		}
		cells[i].cusp = append(cells[i].cusp, s.Median)
	}
	c.bench.prompts = b.prompts
	return nil
}

// otherTurn measures every cell once with opponent i.
func (c *comparison) otherTurn(ctx context.Context, threads, i int, cells []*turns) error {
	o, opponent := c.bench.options, c.opponents[i]
	version, rates, err := opponent.single(ctx, c.file, threads, o.Prefill, o.Decode)
	if err != nil {
		return err
	}
	c.Opponents[i] = fmt.Sprintf("%s, %s", strings.Join(opponent.command, " "), version)
	for j, rate := range rates {
		cells[j].others[i] = append(cells[j].others[i], rate)
	}
	at := len(rates)
	for _, n := range o.Sequences {
		if n == 1 {
			continue
		}
		rate := 0.0
		if opponent.batched != "" {
			if rate, err = opponent.several(ctx, c.file, threads, o.Decode, n); err != nil {
				return err
			}
		}
		cells[at].others[i] = append(cells[at].others[i], rate)
		at++
	}
	return nil
}

// cell sums the turns up.
func (t *turns) cell(threads int) Cell {
	c := Cell{What: t.what, Threads: threads, Cusp: spreadOf(t.cusp)}
	for _, rates := range t.others {
		a := Against{Known: rates[0] > 0, Rate: spreadOf(rates)}
		if a.Known {
			ratios := make([]float64, len(rates))
			for i := range rates {
				ratios[i] = t.cusp[i] / rates[i]
			}
			a.Ratio = spreadOf(ratios)
		}
		c.Against = append(c.Against, a)
	}
	return c
}

// Print writes the comparison as a table for people.
func (c *Comparison) Print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n%s\n", c.Machine, c.Model)
	for i, name := range c.Opponents {
		fmt.Fprintf(out, "[%d] %s\n", i+1, name)
	}
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprint(t, "\ntok/s\tthreads\tCusp")
	for i := range c.Opponents {
		fmt.Fprintf(t, "\t[%d]\tCusp / [%d]", i+1, i+1)
	}
	fmt.Fprintln(t)
	for _, cell := range c.Cells {
		fmt.Fprintf(t, "%s\t%d\t%s", cell.What, cell.Threads, cell.Cusp)
		for _, a := range cell.Against {
			if a.Known {
				fmt.Fprintf(t, "\t%s\t%s", a.Rate, a.Ratio)
			} else {
				fmt.Fprintf(t, "\tno %s\t", batchedName)
			}
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nMedian (smallest to largest) of %d turns on the same file; everybody takes one turn after the other, and the ratios are those of each turn.\n", c.Repeat)
	return err
}
