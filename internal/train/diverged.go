package train

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"hdmnet/internal/data"
	"hdmnet/internal/weights"
)

// DivergedError is a loss, a weight or a prediction that is no finite number. Nothing has
// been saved since.
type DivergedError struct {
	Stage       string
	Step, Epoch int                // the step at fault and its epoch, from 1
	Losses      map[string]float64 // of that step
	Tensor      string             // the first weight that is not finite, if one is
	Validation  error              // of a network whose loss and weights are finite and whose predictions are not
	Process     string             // whose pictures they are, of several processes
	Episodes    []string           // the pictures of the step
	Checkpoint  string             // the last good checkpoint, from an earlier step; empty where none is written
}

func (e *DivergedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stage %s, step %d (epoch %d): ", e.Stage, e.Step, e.Epoch)
	switch {
	case e.Tensor != "":
		fmt.Fprintf(&b, "the weight %s is no longer a finite number", e.Tensor)
	case e.Validation != nil:
		fmt.Fprintf(&b, "validation: %v", e.Validation)
	default:
		fmt.Fprintf(&b, "the loss is no finite number (%s)", formatLosses(e.Losses))
	}
	b.WriteString("; the step's pictures")
	if e.Process != "" {
		b.WriteString(" in " + e.Process)
	}
	b.WriteString(":")
	for _, ep := range e.Episodes {
		b.WriteString("\n  " + ep)
	}
	if e.Checkpoint != "" {
		fmt.Fprintf(&b, "\nthe last good checkpoint is kept: %s", e.Checkpoint)
	}
	fmt.Fprintf(&b, "\nlook at these pictures and their masks, or start a new run with a lower learning rate (train.%s.lr)", e.Stage)
	return b.String()
}

// describe names the pictures of a batch, one line an episode.
func describe(b *data.Batch, fold data.Fold) []string {
	var out []string
	for _, e := range b.Episodes {
		line := "query " + e.QueryName
		if e.Class > 0 {
			line += fmt.Sprintf(", class %d (%s)", e.Class, fold.ClassName(e.Class))
		}
		if len(e.SupportNames) > 0 {
			line += ", supports " + strings.Join(e.SupportNames, " ")
		}
		out = append(out, line)
	}
	return out
}

// formatLosses lists losses by name, the total first.
func formatLosses(losses map[string]float64) string {
	names := make([]string, 0, len(losses))
	for name := range losses {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if (names[i] == total) != (names[j] == total) {
			return names[i] == total
		}
		return names[i] < names[j]
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.4g", name, losses[name])
	}
	return strings.Join(names, ", ")
}

// total is the loss that is shown and watched.
const total = "total"

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func allFinite(losses map[string]float64) bool {
	for _, v := range losses {
		if !finite(v) {
			return false
		}
	}
	return true
}

// notFinite is the name of the first tensor that holds a NaN or an infinity, or "".
func notFinite(tensors []weights.Tensor) string {
	for i := range tensors {
		if slices.ContainsFunc(tensors[i].Float32, func(v float32) bool { return !finite(float64(v)) }) {
			return tensors[i].Name
		}
	}
	return ""
}
