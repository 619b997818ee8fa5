package labelstudio

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"hdmnet/internal/serve/fault"
)

// labeling is what counts of a project's labeling configuration: the brush for a picture.
type labeling struct {
	from, to string // names of BrushLabels and Image
	key      string // of the task's data that holds the picture's address
	labels   []string
}

const example = `for example <View><Image name="image" value="$image"/><BrushLabels name="brush" toName="image"><Label value="cat"/></BrushLabels></View>`

// parseLabeling reads a labeling configuration.
func parseLabeling(text string) (*labeling, error) {
	pictures := map[string]string{} // name → value
	var brushes []*labeling
	var brush *labeling // whose labels are read
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.New(http.StatusBadRequest, "mend it in the project's settings, Labeling Interface", "the labeling configuration is no XML: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch strings.ToLower(e.Name.Local) {
			case "image":
				pictures[attribute(e, "name")] = attribute(e, "value")
			case "brushlabels":
				brush = &labeling{from: attribute(e, "name"), to: attribute(e, "toName")}
				brushes = append(brushes, brush)
			case "label":
				if brush != nil {
					brush.labels = append(brush.labels, attribute(e, "value"))
				}
			}
		case xml.EndElement:
			if strings.EqualFold(e.Name.Local, "brushlabels") {
				brush = nil
			}
		}
	}
	for _, l := range brushes {
		if value, ok := pictures[l.to]; ok && len(l.labels) > 0 {
			l.key = strings.TrimPrefix(value, "$")
			return l, nil
		}
	}
	return nil, fault.New(http.StatusBadRequest, "add BrushLabels with labels in the project's settings, Labeling Interface: "+example,
		"the labeling configuration has no BrushLabels for an Image")
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// has refuses a label that the brush does not have.
func (l *labeling) has(label string) error {
	if slices.Contains(l.labels, label) {
		return nil
	}
	return fault.New(http.StatusBadRequest, "give KeyPointLabels, RectangleLabels and BrushLabels the same labels in the project's settings, Labeling Interface",
		"BrushLabels %q has no label %.100q; it has %.300q", l.from, label, l.labels)
}
