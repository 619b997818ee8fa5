package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// The extents of a chart in SVG units.
const (
	chartW, chartH                       = 640, 300
	padLeft, padRight, padTop, padBottom = 52, 26, 12, 40
)

type point struct{ x, y float64 }

// line is one entry's curve.
type line struct {
	entry  int // whose color it has
	name   string
	points []point
	marks  bool // every point is marked
}

// chart is curves over one axis.
type chart struct {
	title      string // for who cannot see it
	xLabel     string
	percent    bool // y is shown in percent
	diagonal   bool // the line y = x is drawn
	xMax       float64
	yMin, yMax float64
	lines      []line
}

// fit widens the axes to what the lines need.
func (c *chart) fit() {
	c.yMin, c.yMax = math.Inf(1), math.Inf(-1)
	for _, l := range c.lines {
		for _, p := range l.points {
			c.xMax, c.yMin, c.yMax = max(c.xMax, p.x), min(c.yMin, p.y), max(c.yMax, p.y)
		}
	}
	if c.percent {
		c.yMin = 0
	}
	if c.yMax <= c.yMin {
		c.yMax = c.yMin + 1
	}
	dy := step(c.yMax-c.yMin, yTicks)
	c.yMin, c.yMax = math.Floor(c.yMin/dy+1e-9)*dy, math.Ceil(c.yMax/dy-1e-9)*dy
	if c.xMax == 0 {
		c.xMax = 1
	}
}

// About how many ticks the axes have.
const xTicks, yTicks = 6, 5

// step is 1, 2 or 5 times a power of ten, for about n ticks.
func step(extent float64, n int) float64 {
	raw := extent / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw {
			return m * unit
		}
	}
	return 10 * unit
}

func short(v float64) string { return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'g', 6, 64) }

// svg draws the chart.
func (c *chart) svg() template.HTML {
	x := func(v float64) float64 { return padLeft + v/c.xMax*(chartW-padLeft-padRight) }
	y := func(v float64) float64 {
		return chartH - padBottom - (v-c.yMin)/(c.yMax-c.yMin)*(chartH-padTop-padBottom)
	}
	shown := func(v float64) string {
		if c.percent {
			return short(100*v) + " %"
		}
		return short(v)
	}
	about := c.title
	for _, l := range c.lines {
		first, last := l.points[0], l.points[len(l.points)-1]
		about += fmt.Sprintf("; %s: %s at %s, %s at %s", l.name, shown(first.y), short(first.x), shown(last.y), short(last.x))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartW, chartH, html.EscapeString(about))
	dy, dx := step(c.yMax-c.yMin, yTicks), step(c.xMax, xTicks)
	for v := math.Ceil(c.yMin/dy) * dy; v <= c.yMax*(1+1e-9); v += dy {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			padLeft, chartW-padRight, y(v), y(v), padLeft-7, y(v)+4, shown(v))
	}
	for v := 0.0; v <= c.xMax*(1+1e-9); v += dx {
		label := short(v)
		if c.diagonal {
			label = short(100*v) + " %"
		}
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, x(v), chartH-padBottom+17, label)
	}
	fmt.Fprintf(&b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%[3]d"/>`, padLeft, chartW-padRight, chartH-padBottom)
	fmt.Fprintf(&b, `<text class="label" x="%d" y="%d" text-anchor="end">%s</text>`, chartW-padRight, chartH-6, html.EscapeString(c.xLabel))
	if c.diagonal {
		fmt.Fprintf(&b, `<line class="ideal" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x(0), y(0), x(1), y(1))
	}
	for _, l := range c.lines {
		var path strings.Builder
		for i, p := range l.points {
			letter := byte('L')
			if i == 0 {
				letter = 'M'
			}
			fmt.Fprintf(&path, "%c%.1f %.1f", letter, x(p.x), y(p.y))
		}
		fmt.Fprintf(&b, `<path class="line c%d d%[1]d" d="%s"><title>%s</title></path>`, l.entry%colors, path.String(), html.EscapeString(l.name))
		if l.marks {
			for _, p := range l.points {
				fmt.Fprintf(&b, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="4"><title>%s: %s at %s</title></circle>`,
					l.entry%colors, x(p.x), y(p.y), html.EscapeString(l.name), shown(p.y), short(p.x))
			}
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // of numbers and escaped names
}

// colors is how many entries have a color of their own.
const colors = 6

// thin leaves at most n points, each the mean of those around it.
func thin(points []point, n int) []point {
	if len(points) <= n {
		return points
	}
	out := make([]point, 0, n)
	for i := range n {
		lo, hi := i*len(points)/n, (i+1)*len(points)/n
		var sum point
		for _, p := range points[lo:hi] {
			sum.x, sum.y = sum.x+p.x, sum.y+p.y
		}
		out = append(out, point{sum.x / float64(hi-lo), sum.y / float64(hi-lo)})
	}
	return out
}
