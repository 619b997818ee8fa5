package predict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"hdmnet/internal/coco"
)

// islands are labels [h,w] of n classes with thin parts, corners that touch, and holes.
func islands(r *rand.Rand, h, w, n int) []uint8 {
	labels := make([]uint8, h*w)
	for range 6 + r.IntN(8) {
		x0, y0, class := r.IntN(w), r.IntN(h), uint8(r.IntN(n+1)) // 0 makes holes
		for y := y0; y < min(h, y0+1+r.IntN(h/2)); y++ {
			for x := x0; x < min(w, x0+1+r.IntN(w/2)); x++ {
				labels[y*w+x] = class
			}
		}
	}
	for range h * w / 30 {
		labels[r.IntN(h*w)] = uint8(r.IntN(n + 1))
	}
	return labels
}

// readLabelMe are the polygons of a file of LabelMe: their class and x0,y0,x1,y1,….
func readLabelMe(t *testing.T, text []byte, _, _ int) (classes []int, polygons [][]float64) {
	var a labelMe
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	for _, s := range a.Shapes {
		var xy []float64
		for _, p := range s.Points {
			xy = append(xy, p[0], p[1])
		}
		class, err := strconv.Atoi(s.Label)
		if err != nil {
			t.Fatal(err)
		}
		classes, polygons = append(classes, class), append(polygons, xy)
	}
	return classes, polygons
}

// readYOLO are the polygons of a file of YOLO. Ultralytics reads the numbers as float32 and
// multiplies them with the sides.
func readYOLO(t *testing.T, text []byte, h, w int) (classes []int, polygons [][]float64) {
	for line := range strings.Lines(string(text)) {
		var xy []float64
		for i, field := range strings.Fields(line) {
			v, err := strconv.ParseFloat(field, 32)
			if err != nil || i > 0 && !(v >= 0 && v <= 1) {
				t.Fatalf("%q: %v", field, err)
			}
			switch {
			case i == 0:
				classes = append(classes, int(v)+1)
			case i%2 == 1:
				xy = append(xy, float64(float32(v)*float32(w)))
			default:
				xy = append(xy, float64(float32(v)*float32(h)))
			}
		}
		polygons = append(polygons, xy)
	}
	return classes, polygons
}

// draw draws polygons as a reader of the formats does: cut to whole pixels, with their border
// (coco.FirstPolygon, cv2.fillPoly), or by their area on a fine grid (coco.AllPolygons, pycocotools).
func draw(t *testing.T, mode coco.Mode, h, w int, classes []int, polygons [][]float64) []uint8 {
	t.Helper()
	type object map[string]any
	set := map[string][]object{"images": {{"id": 1, "file_name": "a.png", "height": h, "width": w}}}
	for c := range 3 {
		set["categories"] = append(set["categories"], object{"id": c + 1, "name": fmt.Sprint(c + 1)})
	}
	for i, xy := range polygons {
		set["annotations"] = append(set["annotations"], object{"id": i + 1, "image_id": 1, "category_id": classes[i],
			"segmentation": [][]float64{xy}, "iscrowd": 0, "area": 1, "bbox": []int{0, 0, w, h}})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "set.json")
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	opened, err := coco.Open(t.Context(), path, coco.Options{})
	if err != nil {
		t.Fatal(err)
	}
	labels, _, err := opened.Mask(mode, h, w, 0)
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

// TestReadersDrawTheMask: what LabelMe's converter and YOLO's trainer draw of the polygons is the
// mask, pixel for pixel, and so is what programs draw that go by the area. The border of the cut from an
// outline to a hole may touch a pixel beside the object.
func TestReadersDrawTheMask(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	cuts := 0
	for n := range 60 {
		h, w := 8+r.IntN(60), 8+r.IntN(60)
		if n%10 == 0 {
			w += 700 + r.IntN(900) // six decimals of a part of it are coarser
		}
		labels := islands(r, h, w, 3)
		for format, read := range map[string]func(t *testing.T, text []byte, h, w int) ([]int, [][]float64){"labelme": readLabelMe, "yolo": readYOLO} {
			f, err := ParseFormat(format)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			e := NewExport(f, []string{"1", "2", "3"}, 0, func(_ string, write func(io.Writer) error) error { return write(&text) })
			if err := e.Add("a.png", bytes.Clone(labels), h, w, []float64{1, 1, 1}); err != nil {
				t.Fatal(err)
			}
			classes, polygons := read(t, text.Bytes(), h, w)
			for _, mode := range []coco.Mode{coco.FirstPolygon, coco.AllPolygons} {
				differ := 0
				for i, v := range draw(t, mode, h, w, classes, polygons) {
					if v != labels[i] {
						differ++
					}
				}
				if mode == coco.FirstPolygon && differ == 1 {
					cuts++
				} else if differ > 0 {
					t.Errorf("case %d, %s, %v, %d×%d: %d pixels differ", n, format, mode, w, h, differ)
				}
			}
		}
	}
	if cuts > 4 {
		t.Errorf("a pixel differs in %d drawings, 4 are known", cuts)
	}
}
