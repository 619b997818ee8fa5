package optest

import (
	"fmt"
	"math"
)

// contrastShape is B samples of h×w positions with C channels, and K shots of each.
type contrastShape struct{ b, k, h, w, c int }

// contrast is the definition: similarity and difference [b·k,n], cosines [b·k,n,2] and
// extremes [b·k,4].
func contrast(sh contrastShape, x, fg, bg []float64) (similarity, difference, cosines, extremes []float64) {
	n, images := sh.h*sh.w, sh.b*sh.k
	similarity, difference = make([]float64, images*n), make([]float64, images*n)
	cosines, extremes = make([]float64, images*n*2), make([]float64, images*4)
	for i := range images {
		for p, means := range [][]float64{fg, bg} {
			mean := means[i*sh.c : (i+1)*sh.c]
			least, most := math.Inf(1), math.Inf(-1)
			for j := range n {
				row := x[(i/sh.k*n+j)*sh.c:][:sh.c]
				c := dot(row, mean) / (math.Sqrt(dot(row, row)*dot(mean, mean)) + 1e-7)
				cosines[(i*n+j)*2+p] = c
				least, most = min(least, c), max(most, c)
			}
			extremes[i*4+2*p], extremes[i*4+2*p+1] = least, most
			for j := range n {
				r := 0.0
				if most > least {
					r = (cosines[(i*n+j)*2+p] - least) / (most - least)
				}
				if p == 0 {
					similarity[i*n+j], difference[i*n+j] = r, r
				} else {
					difference[i*n+j] -= r
				}
			}
		}
	}
	return similarity, difference, cosines, extremes
}

func testContrast(s *suite) {
	for _, sh := range []contrastShape{{1, 1, 1, 1, 1}, {2, 1, 3, 5, 7}, {1, 5, 4, 4, 64}, {3, 2, 9, 7, 33}, {1, 1, 60, 60, 64}, {1, 2, 13, 13, 2048}} {
		for _, kind := range []string{"both", "no foreground", "no background"} {
			s.contrastCase(fmt.Sprint(sh, " ", kind), sh, kind)
		}
	}
	s.contrastPriorCases()
}

func (s *suite) contrastCase(what string, sh contrastShape, kind string) {
	s.Helper()
	n, images := sh.h*sh.w, sh.b*sh.k
	x, fg, bg, g := random("x"+what, sh.b*n*sh.c, 1), random("fg"+what, images*sh.c, 1), random("bg"+what, images*sh.c, 1), random("g"+what, images*n, 1)
	switch kind {
	case "no foreground":
		clear(fg)
	case "no background":
		clear(bg[:sh.c])
	}
	tx, tf, tb := s.tensor(x, sh.b, sh.h, sh.w, sh.c), s.tensor(fg, images, sh.c), s.tensor(bg, images, sh.c)
	similarity, difference, cosines, extremes := s.output(images, n), s.output(images, n), s.output(images, n, 2), s.output(images, 4)
	s.dev.Contrast(similarity, difference, cosines, extremes, tx, tf, tb)
	wantSimilarity, wantDifference, wantCosines, wantExtremes := contrast(sh, x, fg, bg)
	s.near(what+": cosines", cosines, wantCosines)
	s.near(what+": extremes", extremes, wantExtremes)
	s.near(what+": similarity", similarity, wantSimilarity)
	s.near(what+": difference", difference, wantDifference)
	alone := s.output(images, n)
	s.dev.Contrast(nil, alone, cosines, extremes, tx, tf, tb)
	s.near(what+": difference alone", alone, wantDifference)

	dx, df, db, dd := s.gradient(sh.b, sh.h, sh.w, sh.c), s.gradient(images, sh.c), s.gradient(images, sh.c), s.tensor(g, images, n)
	s.dev.ContrastGrad(dx, df, db, dd, cosines, extremes, tx, tf, tb)
	loss := func() float64 {
		_, difference, _, _ := contrast(sh, x, fg, bg)
		return dot(g, difference)
	}
	if n == 1 { // nothing to spread
		s.near(what+": one position", dx, repeat(gradStart, len(x)))
		s.near(what+": one position, foreground", df, repeat(gradStart, len(fg)))
		return
	}
	if sh.c == 1 {
		return // cosines are ±1: a step flips none
	}
	s.finiteDifferences(what+": x", dx, x, loss)
	if kind == "no foreground" { // equal cosines: no gradient
		s.near(what+": foreground", df, repeat(gradStart, len(fg)))
	} else {
		s.finiteDifferences(what+": foreground", df, fg, loss)
	}
	if kind != "no background" {
		s.finiteDifferences(what+": background", db, bg, loss)
	}
	onlyX, onlyF, onlyB := s.gradient(sh.b, sh.h, sh.w, sh.c), s.gradient(images, sh.c), s.gradient(images, sh.c)
	s.dev.ContrastGrad(onlyX, nil, nil, dd, cosines, extremes, tx, tf, tb)
	s.dev.ContrastGrad(nil, onlyF, nil, dd, cosines, extremes, tx, tf, tb)
	s.dev.ContrastGrad(nil, nil, onlyB, dd, cosines, extremes, tx, tf, tb)
	s.nearTol(what+": x alone", s.values(onlyX), s.values(dx), 1e-30, 0)
	s.nearTol(what+": foreground alone", s.values(onlyF), s.values(df), 1e-30, 0)
	s.nearTol(what+": background alone", s.values(onlyB), s.values(db), 1e-30, 0)
}

func (s *suite) contrastPriorCases() {
	for _, sh := range []contrastShape{{b: 1, k: 1, h: 1, w: 1}, {b: 2, k: 5, h: 3, w: 7}, {b: 1, k: 2, h: 60, w: 61}} {
		what := fmt.Sprint("prior ", sh)
		n, images := sh.h*sh.w, sh.b*sh.k
		var maps [4][]float64 // similarity and difference of a, then of b
		var extremes [2][]float64
		for i := range maps {
			maps[i] = random(fmt.Sprint(what, i), images*n, 1)
		}
		for i := range extremes {
			extremes[i] = random(fmt.Sprint(what, "extremes", i), images*4, 1)
		}
		extremes[1][1] = extremes[0][1] // the first shot: equal, a counts
		want := make([]float64, sh.b*n*2)
		for i := range images {
			layer := 0
			if extremes[1][4*i+1] > extremes[0][4*i+1] {
				layer = 1
			}
			for j := range n {
				at := (i/sh.k*n + j) * 2
				want[at] += maps[2*layer][i*n+j] / float64(sh.k)
				want[at+1] += max(0, maps[2*layer+1][i*n+j]) / float64(sh.k)
			}
		}
		y := s.output(sh.b, sh.h, sh.w, 2)
		s.dev.ContrastPrior(y, s.tensor(maps[0], images, n), s.tensor(maps[1], images, n), s.tensor(extremes[0], images, 4),
			s.tensor(maps[2], images, n), s.tensor(maps[3], images, n), s.tensor(extremes[1], images, 4))
		s.near(what, y, want)
	}
}
