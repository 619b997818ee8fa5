package coco

import "fmt"

// Mode says how an instance becomes pixels. Published masks of COCO-20i differ in it.
type Mode int

const (
	// AllPolygons draws every polygon and every RLE exactly as pycocotools does
	// (COCO.annToMask): polygons on a grid five times finer, their union.
	AllPolygons Mode = iota
	// FirstPolygon draws only the first polygon of an instance, its points cut to whole
	// numbers (toward zero), as OpenCV's fillPoly does, border included. The masks that
	// the few-shot field published were made like this: holes and parts of objects that
	// something else covers are missing or filled. An instance given as RLE has no polygon
	// to choose from; it is drawn whole. The official files have RLE only for crowds.
	FirstPolygon
)

var modeNames = [...]string{AllPolygons: "all-polygons", FirstPolygon: "first-polygon"}

// String is the mode's name as on the command line.
func (m Mode) String() string {
	if m < 0 || int(m) >= len(modeNames) {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return modeNames[m]
}

// ParseMode is the mode of a name: "all-polygons" or "first-polygon".
func ParseMode(name string) (Mode, error) {
	for m, n := range modeNames {
		if n == name {
			return Mode(m), nil
		}
	}
	return 0, fmt.Errorf("mask mode %q, expected %s or %s", name, AllPolygons, FirstPolygon)
}
