package experiment

import (
	"fmt"
	"strings"

	"hdmnet/internal/data"
)

// Usable is the index without the classes that have too few pictures for episodes of so many
// shots, with a warning that names them. Of a data set of the field all novel classes must
// have enough: scores over fewer could not be compared.
func (d *Dataset) Usable(index *data.Index, shots int, m Monitor) (*data.Index, error) {
	if index.Split == data.Val && d.c.Name != "custom" {
		return index, index.Check(shots)
	}
	rest, scarce := index.WithoutScarce(shots)
	if len(rest.Images) == 0 {
		return nil, index.Check(shots)
	}
	if len(scarce) > 0 {
		var names []string
		for _, class := range scarce {
			names = append(names, fmt.Sprintf("%s (%d)", d.Fold.ClassName(class), len(index.ByClass[class])))
		}
		who := map[data.Split]string{data.Train: "training", data.Val: "the score"}[index.Split]
		m.warn("%d-shot episodes need %d pictures of a class with %d pixels or more (dataset.min_area); %s leaves out the classes that have fewer: %s",
			shots, shots+1, index.MinArea, who, strings.Join(names, ", "))
	}
	return rest, nil
}
