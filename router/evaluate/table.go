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
