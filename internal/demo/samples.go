package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"hdmnet/internal/data"
	"hdmnet/internal/outline"
)

// Sample is a picture of shapes5i to try the network on.
type Sample struct {
	Name string // of a file
	PNG  []byte
	// Object is a polygon around the object to look for, in pixels' corners; nil of a
	// picture in which it is to be found.
	Object []outline.Point
}

// Which scenes the samples are: of the pictures that the network was not trained on, with a
// class that it has never seen.
const (
	sampleFold  = 0
	sampleSeed  = 2
	sampleSize  = 480
	sampleClass = 3
)

var sampleScenes = []int{2, 7, 22}

// Samples are three pictures, in the first of which the object is marked, and what it is
// called.
func Samples() ([]Sample, string, error) {
	fold, err := data.Shapes5i(sampleFold)
	if err != nil {
		return nil, "", err
	}
	src, err := data.NewShapes(data.ShapesOptions{Fold: fold, Split: data.Val, Seed: sampleSeed, Count: sampleScenes[len(sampleScenes)-1] + 1, Size: sampleSize})
	if err != nil {
		return nil, "", err
	}
	var all []Sample
	for i, scene := range sampleScenes {
		s, err := src.Load(scene)
		if err != nil {
			return nil, "", err
		}
		content, err := encode(s)
		if err != nil {
			return nil, "", err
		}
		sample := Sample{Name: fmt.Sprintf("sample%d.png", i+1), PNG: content}
		if i == 0 {
			sample.Object = around(s)
		}
		all = append(all, sample)
	}
	return all, fold.ClassName(sampleClass), nil
}

// encode writes a scene [H,W,3].
func encode(s *data.Scene) ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, s.W, s.H))
	for i := range s.H * s.W {
		p := s.Image[3*i:]
		img.SetRGBA(i%s.W, i/s.W, color.RGBA{p[0], p[1], p[2], 255})
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

// around is a polygon around the largest object of sampleClass.
func around(s *data.Scene) []outline.Point {
	mask := make([]uint8, len(s.Mask))
	for i, c := range s.Mask {
		if c == sampleClass {
			mask[i] = 1
		}
	}
	var largest outline.Object
	for _, o := range outline.Objects(mask, s.H, s.W, 1) {
		if o.Area > largest.Area {
			largest = o
		}
	}
	return largest.Polygon(2, 0)
}
