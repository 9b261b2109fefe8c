package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes the report as a table for people: a column for each number of
// threads.
func (r *Report) Print(out io.Writer) error {
	fmt.Fprintf(out, "%s\n%s\n\n", r.Machine, r.Model)
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	line := func(label string, cell func(Row) string) {
		fmt.Fprint(t, label)
		for _, row := range r.Rows {
			fmt.Fprint(t, "\t", cell(row))
		}
		fmt.Fprintln(t)
	}
	line("", func(x Row) string { return count(x.Threads, "thread") })
	line(fmt.Sprintf("prefill %d, tok/s", r.Prefill), func(x Row) string { return x.Prefill.String() })
	line("  of the compute limit", func(x Row) string { return percent(x.PrefillShare) })
	line(fmt.Sprintf("decode %d, tok/s", r.Decode), func(x Row) string { return x.Decode.String() })
	line("  of the read bandwidth", func(x Row) string { return percent(x.DecodeShare) })
	for i := range r.batches() {
		line(count(r.Rows[0].Batches[i].Sequences, "sequence")+", tok/s", func(x Row) string {
			return fmt.Sprintf("%s  %.2fx", x.Batches[i].Total, x.Batches[i].Ratio)
		})
	}
	line("start to first token, ms", func(x Row) string { return x.FirstToken.String() })
	line("between tokens, ms", func(x Row) string { return x.Gap.Usual.String() })
	line(fmt.Sprintf("  worst beside a prompt of %d", r.Prefill), func(x Row) string { return x.Gap.Worst.String() })
	line("allocations a token", func(x Row) string { return fmt.Sprintf("%.2f", x.Allocations) })
	line("read bandwidth, GB/s", func(x Row) string { return x.Bandwidth.String() })
	line("compute limit, GMAC/s", func(x Row) string { return x.Compute.String() })
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s", r.notes())
	return err
}

func (r *Report) batches() int {
	if len(r.Rows) == 0 {
		return 0
	}
	return len(r.Rows[0].Batches)
}

// notes says what the figures are.
func (r *Report) notes() string {
	var b strings.Builder
	if r.Memory.Peak > 0 {
		fmt.Fprintf(&b, "Peak memory of the process, one sequence of %d tokens: %s; %s are the model, %s were taken before.\n",
			r.Memory.Context, size(r.Memory.Peak), size(r.Model.FileBytes), size(r.Memory.Before))
	}
	if r.Memory.Large != nil {
		fmt.Fprintf(&b, "In large pages: %s of the model (docs/kernels.md says why it matters).\n", size(*r.Memory.Large))
	}
	fmt.Fprintf(&b, "Keys and values in %s: %.1f kB a token.\n", r.Memory.KV, r.Memory.KVToken/1e3)
	fmt.Fprintf(&b, "Median (smallest to largest) of %d; limits are measured just before, for all threads together.\n", r.Repeat)
	fmt.Fprintf(&b, "Compute limit: %s.\n", r.Limits.Compute)
	fmt.Fprintf(&b, "Read bandwidth: %s.\n", r.Limits.Read)
	b.WriteString("Start to first token: open the model, load it, make an engine, prompt of 8 tokens; in this process, pages cached.\n")
	if r.Model.TokenBytes < r.Machine.Cache {
		fmt.Fprintf(&b, "The weights that a token reads fit into the cache of %s: the read bandwidth does not limit them.\n", size(r.Machine.Cache))
	}
	return b.String()
}

func (m Machine) String() string {
	text := fmt.Sprintf("%s, %s, %s/%s, kernels %s, %s", m.CPU, count(m.Processors, "processor"), m.OS, m.Arch, m.Kernels, m.Go)
	if m.GPU != "" {
		text += "\nGPU: " + m.GPU
	}
	return text
}

func (w Work) String() string {
	return fmt.Sprintf("%s: %s, %s M parameters in %s; a token reads %s and takes %s M multiply-accumulates",
		w.Name, w.Quant, figure(float64(w.Parameters)/1e6), size(w.FileBytes), size(w.TokenBytes), figure(float64(w.LayerMACs+w.HeadMACs)/1e6))
}

func (s Spread) String() string {
	return fmt.Sprintf("%s (%s to %s)", figure(s.Median), figure(s.Min), figure(s.Max))
}

// figure has three digits, or all those before the point.
func figure(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }

func size(bytes int64) string { return figure(float64(bytes)/1e6) + " MB" }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
