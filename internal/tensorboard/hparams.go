package tensorboard

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The plugin that shows hyperparameters, and the tags of its data.
const (
	hparamsPlugin = "hparams"
	sessionStart  = "_hparams_/session_start_info"
	sessionEnd    = "_hparams_/session_end_info"
)

// HParams writes the settings of a run by name, at step 0. Numbers, true and false are shown
// as such, everything else as text.
func (w *Writer) HParams(settings map[string]string) error {
	var start []byte
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		start = message(start, 1, message(text(1, name), 2, structValue(settings[name])))
	}
	w.hparams(0, sessionStart, 3, double(start, 5, now()))
	return w.state()
}

// Complete tells that the run is complete.
func (w *Writer) Complete(step int) error {
	const success = 1
	w.hparams(step, sessionEnd, 4, double(number(nil, 1, success), 2, now()))
	return w.state()
}

// hparams writes data of the plugin: in the metadata of a summary, whose own value, a tensor
// of float32 without elements, means nothing.
func (w *Writer) hparams(step int, tag string, field protowire.Number, data []byte) {
	plugin := message(text(1, hparamsPlugin), 2, message(nil, field, data))
	const float = 1
	nothing := message(number(nil, 1, float), 2, message(nil, 2, nil))
	v := message(text(1, tag), 9, message(nil, 1, plugin))
	w.event(step, 5, message(nil, 1, message(v, 8, nothing)))
}

// structValue is a google.protobuf.Value.
func structValue(s string) []byte {
	if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
		return double(nil, 2, v)
	}
	switch s {
	case "true":
		return number(nil, 4, 1)
	case "false":
		return number(nil, 4, 0)
	}
	return text(3, s)
}

func double(b []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
}

func now() float64 { return float64(time.Now().UnixMicro()) / 1e6 }
