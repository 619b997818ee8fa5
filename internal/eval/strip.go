package eval

import (
	"image"
	"math"

	"golang.org/x/image/draw"

	"hdmnet/internal/overlay"
)

// Strip shows an episode in one picture, in tiles of at most a side: the first support with
// its mask, the query, the query with its true mask, and with the prediction.
func (s *Seen) Strip(most int) image.Image {
	query, support := s.Episode.Query, s.Episode.Supports[0]
	side := int(math.Sqrt(float64(len(query.Mask))))
	predicted := image.NewGray(image.Rect(0, 0, s.Episode.W, s.Episode.H))
	copy(predicted.Pix, s.Final)
	square := image.NewGray(image.Rect(0, 0, side, side))
	draw.NearestNeighbor.Scale(square, square.Bounds(), predicted, predicted.Bounds(), draw.Src, nil)
	pixels := levels(query.Image)
	tiles := []image.Image{
		overlay.Draw(levels(support.Image), support.Mask, side, side),
		overlay.Draw(pixels, make([]uint8, side*side), side, side),
		overlay.Draw(pixels, query.Mask, side, side),
		overlay.Draw(pixels, square.Pix, side, side),
	}
	edge := min(side, most)
	const gap = 4
	strip := image.NewRGBA(image.Rect(0, 0, len(tiles)*(edge+gap)-gap, edge))
	draw.Draw(strip, strip.Bounds(), image.White, image.Point{}, draw.Src)
	for i, tile := range tiles {
		at := image.Rect(0, 0, edge, edge).Add(image.Pt(i*(edge+gap), 0))
		draw.ApproxBiLinear.Scale(strip, at, tile, tile.Bounds(), draw.Src, nil)
	}
	return strip
}

// levels are gray levels as bytes.
func levels(x []float32) []uint8 {
	out := make([]uint8, len(x))
	for i, v := range x {
		out[i] = uint8(max(0, min(255, v+0.5)))
	}
	return out
}
