package evaluate

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// PrintSplits writes the results as a table.
func PrintSplits(w io.Writer, results []SplitResult) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "alpha\tscore\tanswered\t+-\twrong of these\tbroken\tallowed\tsilent\tAUROC")
	for _, r := range results {
		fmt.Fprintf(t, "%g\t%s\t%.1f%%\t%.1f\t%.2f%%\t%d of %d\t%.0f\t%d\t%.4f\n", r.Alpha, r.Score, 100*r.Coverage, 100*r.Spread,
			100*r.Risk, r.Broken, r.Splits, r.Delta*float64(r.Splits), r.Silent, r.AUROC)
	}
	return t.Flush()
}

// PrintQuality writes RouteLLM's measures as a table.
func PrintQuality(w io.Writer, all []Quality) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprint(t, "router\tAPGR\tCPT(50%)\tCPT(80%)")
	for _, p := range all[0].Covered {
		fmt.Fprintf(t, "\tlocal at %g%%", 100*p.Risk)
	}
	fmt.Fprintln(t)
	for _, q := range all {
		fmt.Fprintf(t, "%s\t%.4f\t%.2f%%\t%.2f%%", q.Router, q.APGR, 100*q.CPT50, 100*q.CPT80)
		for _, p := range q.Covered {
			fmt.Fprintf(t, "\t%.1f%%", 100*p.Coverage)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
