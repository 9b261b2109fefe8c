package evaluate

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// mostPoints is how many points of a curve are drawn.
const mostPoints = 1000

// PlotRisk draws risk over coverage, one line per score, and the promise. The
// file's ending says the format: .svg or .png.
func PlotRisk(file string, curves []NamedCurve, alpha float64) error {
	p := newPlot("Risk and coverage", "share of answers that are given", "share of these that is wrong")
	for i, c := range curves {
		points := make(plotter.XYs, 0, len(c.Points))
		for _, at := range thin(c.Points) {
			points = append(points, plotter.XY{X: at.Coverage, Y: at.Risk})
		}
		if err := addLine(p, c.Score, i, points); err != nil {
			return err
		}
	}
	p.Y.Max = min(p.Y.Max, 8*alpha)
	if err := addDashes(p, plotter.XYs{{X: 0, Y: alpha}, {X: 1, Y: alpha}}); err != nil {
		return err
	}
	p.Legend.Top, p.Legend.Left = true, true
	return save(p, file)
}

// PlotReliability draws the share of right answers over confidence; the
// diagonal is what it should be.
func PlotReliability(file string, bins []Bin, ece float64) error {
	p := newPlot(fmt.Sprintf("Reliability (ECE %.4f)", ece), "confidence", "share that is right")
	points := make(plotter.XYs, len(bins))
	for i, b := range bins {
		points[i] = plotter.XY{X: b.Confidence, Y: b.Right}
	}
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return fmt.Errorf("plot %s: %w", file, err)
	}
	line.Color, marks.Color = plotutil.Color(0), plotutil.Color(0)
	p.Add(line, marks)
	if err := addDashes(p, plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}}); err != nil {
		return err
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
	return save(p, file)
}

// PlotQuality draws the grade of all answers over the share of calls to the
// strong model.
func PlotQuality(file string, all []Quality) error {
	p := newPlot("Cost and quality", "share of calls to the strong model", "mean grade")
	for i, q := range all {
		points := make(plotter.XYs, 0, len(q.Curve))
		for _, at := range thin(q.Curve) {
			points = append(points, plotter.XY{X: at.Strong, Y: at.Grade})
		}
		if err := addLine(p, q.Router, i, points); err != nil {
			return err
		}
	}
	p.Legend.Top = false
	return save(p, file)
}

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Add(plotter.NewGrid())
	return p
}

func addLine(p *plot.Plot, name string, i int, points plotter.XYs) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	line.Color, line.Dashes = plotutil.Color(i), plotutil.Dashes(i/len(plotutil.DefaultColors))
	if i == 0 {
		line.Width = vg.Points(2)
	}
	p.Add(line)
	p.Legend.Add(name, line)
	return nil
}

func addDashes(p *plot.Plot, points plotter.XYs) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	line.Color, line.Dashes = color.Gray{128}, []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(line)
	return nil
}

// thin keeps the first and last point of a curve, and of what is between so
// many that a plot shows no less.
func thin[T any](points []T) []T {
	if len(points) <= mostPoints {
		return points
	}
	out := make([]T, 0, mostPoints)
	for i := range mostPoints {
		out = append(out, points[i*(len(points)-1)/(mostPoints-1)])
	}
	return out
}

func save(p *plot.Plot, file string) error {
	if err := p.Save(16*vg.Centimeter, 11*vg.Centimeter, file); err != nil {
		return fmt.Errorf("plot %s: %w", file, err)
	}
	return nil
}
