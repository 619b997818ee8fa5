package train

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"hdmnet/internal/atomicfile"
)

// drawCurves draws the losses and scores of metrics.jsonl as a PNG: a row for every
// stage, total loss by step on the left, validation mIoU by step on the right.
func drawCurves(metrics, path string) error {
	records, err := ReadMetrics(metrics)
	if err != nil {
		return err
	}
	var rows [][]*plot.Plot
	for _, stage := range order {
		var loss, score plotter.XYs
		for i := range records {
			r := &records[i]
			if r.Stage != stage {
				continue
			}
			if r.Kind == kindStep {
				loss = append(loss, plotter.XY{X: float64(r.Step), Y: r.Losses[total]})
			} else {
				score = append(score, plotter.XY{X: float64(r.Step), Y: r.Scores["miou"]})
			}
		}
		if len(loss) == 0 {
			continue
		}
		left, err := curve(stage+" stage: loss", "loss", loss, smooth(loss))
		if err != nil {
			return err
		}
		right, err := curve(stage+" stage: validation", "mIoU", score, nil)
		if err != nil {
			return err
		}
		rows = append(rows, []*plot.Plot{left, right})
	}
	if len(rows) == 0 {
		return nil
	}
	img := vgimg.New(24*vg.Centimeter, vg.Length(len(rows))*9*vg.Centimeter)
	tiles := draw.Tiles{Rows: len(rows), Cols: 2, PadX: 6 * vg.Millimeter, PadY: 6 * vg.Millimeter,
		PadTop: 3 * vg.Millimeter, PadBottom: 3 * vg.Millimeter, PadLeft: 3 * vg.Millimeter, PadRight: 3 * vg.Millimeter}
	for i, canvases := range plot.Align(rows, tiles, draw.New(img)) {
		for j, c := range canvases {
			rows[i][j].Draw(c)
		}
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("draw the curves: %w", err)
	}
	return nil
}

// curve plots points in gray and, above them, their smoothed line; without one the
// points are joined and marked.
func curve(title, y string, points, line plotter.XYs) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "step", y
	p.Add(plotter.NewGrid())
	if len(points) == 0 {
		return p, nil
	}
	raw, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, err
	}
	blue := color.RGBA{R: 31, G: 119, B: 180, A: 255}
	raw.Color, marks.Color = blue, blue
	if line == nil {
		p.Add(raw, marks)
		return p, nil
	}
	raw.Color = color.Gray{Y: 200}
	top, err := plotter.NewLine(line)
	if err != nil {
		return nil, err
	}
	top.Color, top.Width = blue, vg.Points(1.5)
	p.Add(raw, top)
	return p, nil
}

// smooth is the exponential moving average over about a fiftieth of the points.
func smooth(points plotter.XYs) plotter.XYs {
	out := make(plotter.XYs, len(points))
	keep := 1 - 1/max(1, float64(len(points))/50)
	mean := points[0].Y
	for i, p := range points {
		mean = keep*mean + (1-keep)*p.Y
		out[i] = plotter.XY{X: p.X, Y: mean}
	}
	return out
}
