package train

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

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
		last := loss[len(loss)-1].X
		left, err := curve(stage+" stage: loss", "loss", last, loss, smooth(loss))
		if err != nil {
			return err
		}
		right, err := curve(stage+" stage: validation", "mIoU", last, score, nil)
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

// curve plots points over the steps 0 to last, in gray and, above them, their smoothed
// line; without one, or with one point, the points are joined and marked.
func curve(title, y string, last float64, points, line plotter.XYs) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "step", y
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{least: 1}, ticks{}
	p.Add(plotter.NewGrid())
	p.X.Min, p.X.Max = 0, last
	p.Y.Min, p.Y.Max = 0, 1
	if len(points) == 0 {
		return p, nil
	}
	raw, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, err
	}
	blue := color.RGBA{R: 31, G: 119, B: 180, A: 255}
	raw.Color, marks.Color = blue, blue
	marks.Shape = draw.CircleGlyph{}
	if line == nil || len(points) == 1 {
		p.Add(raw, marks)
	} else {
		raw.Color = color.Gray{Y: 200}
		top, err := plotter.NewLine(line)
		if err != nil {
			return nil, err
		}
		top.Color, top.Width = blue, vg.Points(1.5)
		p.Add(raw, top)
	}
	p.X.Min, p.X.Max = 0, last
	_, _, low, high := plotter.XYRange(points)
	p.Y.Min, p.Y.Max = room(low, high)
	return p, nil
}

// room is the range of an axis for values from low to high: a twentieth more on each
// side, or, around a single value, a tenth of it.
func room(low, high float64) (from, to float64) {
	more := (high - low) / 20
	if more == 0 {
		more = max(math.Abs(low)/10, 0.05)
	}
	return low - more, high + more
}

// ticks marks an axis at up to nine round numbers, 1, 2 or 5 times a power of ten apart
// and not closer than least.
type ticks struct{ least float64 }

// Ticks are the numbers within the axis, all with the same number of decimals.
func (t ticks) Ticks(low, high float64) []plot.Tick {
	between := max(t.least, math.Pow10(int(math.Floor(math.Log10((high-low)/6)))))
	for _, factor := range []float64{2, 2.5, 2} { // 2, 5 and 10 times
		if (high-low)/between > 8 {
			between *= factor
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(between)+1e-9)))
	var out []plot.Tick
	for i := math.Ceil(low / between); i*between <= high; i++ {
		value := i * between
		if value == 0 {
			value = 0 // without a sign
		}
		out = append(out, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'f', decimals, 64)})
	}
	return out
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
