package distill

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/a472be26/cusp/distill/train"
)

// plotLoss draws the loss over the steps as a PNG: every step's, smoothed, and
// the held-out one where it was measured.
func plotLoss(file, title string, steps []train.Step) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "step", "loss (nats per token)"
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	lines := []any{"training", smooth(steps)}
	if held := heldOut(steps); len(held) > 1 {
		lines = append(lines, "held out", held)
	}
	if err := plotutil.AddLines(p, lines...); err != nil {
		return fmt.Errorf("loss curve: %w", err)
	}
	if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, file); err != nil {
		return fmt.Errorf("loss curve %s: %w", file, err)
	}
	return nil
}

// least keeps a loss that the log axis can show.
const least = 1e-4

// smooth is an exponential mean over about twenty steps.
func smooth(steps []train.Step) plotter.XYs {
	points := make(plotter.XYs, len(steps))
	mean := 0.0
	for i, s := range steps {
		if i == 0 {
			mean = s.Loss
		}
		mean += (s.Loss - mean) / 20
		points[i].X, points[i].Y = float64(s.Step), max(mean, least)
	}
	return points
}

func heldOut(steps []train.Step) plotter.XYs {
	var points plotter.XYs
	for _, s := range steps {
		if s.Valid != nil {
			points = append(points, plotter.XY{X: float64(s.Step), Y: max(s.Valid.Loss, least)})
		}
	}
	return points
}
