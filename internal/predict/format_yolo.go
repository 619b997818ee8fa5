package predict

import (
	"fmt"
	"hdmnet/internal/locate"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// yoloFormat writes segments of YOLO: a line for each object, its class from 0 and the
// corners of its polygon in parts of the picture's sides.
type yoloFormat struct{}

func (yoloFormat) String() string { return "yolo" }

func (yoloFormat) write(o *FolderOptions, a *annotated, _ *recordLine) error {
	return o.result("labels/"+resultName(a.name)+".txt", func(w io.Writer) error {
		var text []byte
		for i := range a.objects {
			text = fmt.Append(text, a.objects[i].Class-1)
			for _, p := range a.objects[i].Polygon(o.Simplify, inset) {
				text = fmt.Appendf(text, " %.6f %.6f", p.X/float64(a.w), p.Y/float64(a.h))
			}
			text = append(text, '\n')
		}
		_, err := w.Write(text)
		return err
	})
}

// index writes data.yaml, and a link to the pictures, which YOLO's rule has beside the
// labels, in images. Where the system makes no links a comment in data.yaml says so.
func (yoloFormat) index(o *FolderOptions, _ lines) ([]string, error) {
	comment := ""
	if link := filepath.Join(o.Out, exportImages); o.put == nil && !locate.Same(link, o.Folder) {
		from, err := o.fromOut("", o.Folder)
		if err == nil {
			err = os.Symlink(filepath.FromSlash(from), link)
		}
		if err != nil {
			comment = "# the pictures belong into images, beside labels\n"
		}
	}
	names := map[int]string{}
	for i, c := range o.Classes {
		names[i] = c.Name
	}
	err := o.result("data.yaml", func(w io.Writer) error {
		text, err := yaml.Marshal(struct {
			Train string         `yaml:"train"`
			Val   string         `yaml:"val"`
			Names map[int]string `yaml:"names"`
		}{"images", "images", names})
		if err == nil {
			_, err = w.Write(append([]byte(comment), text...))
		}
		return err
	})
	return []string{"labels", filepath.FromSlash("data.yaml")}, err
}
