package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// problem is what is wrong with the value of one key.
type problem struct{ key, text string }

// problems checks every value against what its field accepts, and the values that depend
// on each other.
func (c *Config) problems() []problem {
	var out []problem
	root := reflect.ValueOf(c).Elem()
	for i := range fields {
		f := &fields[i]
		if v := root.FieldByIndex(f.index); !f.accepts(v) {
			out = append(out, problem{f.key, fmt.Sprintf("is %v, expected %s", show(v), f.expected())})
		}
	}
	out = append(out, c.sizeProblem("model.size", c.Model.Size)...)
	out = append(out, c.sizeProblem("train.base.size", c.Train.Base.Size)...)
	if c.Train.Base.Batch == 1 {
		// The pyramid's 1×1 level has one value per channel and picture.
		out = append(out, problem{"train.base.batch", "is 1, expected at least 2: batch norm takes its statistics over the batch, whatever train.base.accumulate is"})
	}
	if _, _, err := c.TrainingShots(); err != nil {
		out = append(out, problem{"train.meta.shots", err.Error()})
	}
	out = append(out, scaleProblem("train.base.scale", c.Train.Base.Scale)...)
	out = append(out, scaleProblem("train.meta.scale", c.Train.Meta.Scale)...)
	if len(c.Eval.Seeds) == 0 {
		out = append(out, problem{"eval.seeds", "is empty, expected at least one seed"})
	}
	for i, s := range c.Eval.Seeds {
		if slices.Contains(c.Eval.Seeds[:i], s) {
			out = append(out, problem{"eval.seeds", fmt.Sprintf("lists %d twice; each seed counts once", s)})
		}
	}
	if !deviceName.MatchString(c.Device) {
		out = append(out, problem{"device", fmt.Sprintf("is %q, expected auto, cpu, cuda or cuda:N", c.Device)})
	}
	return out
}

var deviceName = regexp.MustCompile(`^(auto|cpu|cuda|cuda:[0-9]{1,3})$`)

// TrainingShots is the least and the greatest number of supports per episode of the meta
// stage: train.meta.shots, or model.shots where that is empty.
func (c *Config) TrainingShots() (least, most int, err error) {
	text := strings.TrimSpace(c.Train.Meta.Shots)
	if text == "" {
		return c.Model.Shots, c.Model.Shots, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	least, err = strconv.Atoi(strings.TrimSpace(from))
	if err == nil {
		most, err = strconv.Atoi(strings.TrimSpace(to))
	}
	if err != nil || least < 1 || most < least || most > 100 {
		return 0, 0, fmt.Errorf("is %q, expected a number of supports from 1 to 100, or a range such as 1-5", c.Train.Meta.Shots)
	}
	return least, most, nil
}

// Patch is the side in pixels of the patches that the backbone cuts pictures into, with which
// the name of a DINOv2 or DINOv3 ends, but for _reg; 0 of other backbones.
func (m *Model) Patch() int {
	base := strings.TrimSuffix(m.Backbone, "_reg")
	if len(base) < 2 || !strings.HasPrefix(base, "dino") {
		return 0
	}
	patch, err := strconv.Atoi(base[len(base)-2:])
	if err != nil {
		return 0
	}
	return patch
}

// sizeProblem: input sizes are 8n + 1, so that the corners of the input and of the
// feature map at stride 8 coincide; those of patches are whole patches.
func (c *Config) sizeProblem(key string, size int) []problem {
	if patch := c.Model.Patch(); patch > 0 {
		if size%patch == 0 || size < 1 {
			return nil
		}
		below := size / patch * patch
		return []problem{{key, fmt.Sprintf("is %d, which is no multiple of the patches of %d pixels of %s; use %d or %d", size, patch, c.Model.Backbone, below, below+patch)}}
	}
	if size%8 == 1 || size < 1 {
		return nil
	}
	below := (size-1)/8*8 + 1
	return []problem{{key, fmt.Sprintf("is %d, which is not 8n + 1; use %d or %d", size, below, below+8)}}
}

func scaleProblem(key string, scale [2]float64) []problem {
	if scale[0] <= scale[1] {
		return nil
	}
	return []problem{{key, fmt.Sprintf("is %v: the least factor comes first", show(reflect.ValueOf(scale)))}}
}

// show formats a value as YAML would.
func show(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return strconv.Quote(v.String())
	}
	return strings.Join(strings.Fields(fmt.Sprint(v.Interface())), ", ")
}

// accepts checks v against the valid tag.
func (f *field) accepts(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Int:
		return f.inRange(float64(v.Int()))
	case reflect.Float64:
		return f.inRange(v.Float())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !f.accepts(v.Index(i)) {
				return false
			}
		}
	case reflect.String:
		return f.valid == "" || slices.Contains(strings.Split(f.valid, "|"), v.String())
	}
	return true
}

// interval takes a tag such as "(0,16]" apart. An open end may be inf.
func (f *field) interval() (low, high float64, lowOpen, highOpen bool) {
	lowText, highText, _ := strings.Cut(f.valid[1:len(f.valid)-1], ",")
	low, errLow := strconv.ParseFloat(lowText, 64)
	high, errHigh := strconv.ParseFloat(highText, 64)
	if errLow != nil || errHigh != nil {
		panic("config: valid tag " + strconv.Quote(f.valid) + " of " + f.key)
	}
	return low, high, f.valid[0] == '(', f.valid[len(f.valid)-1] == ')'
}

func (f *field) inRange(x float64) bool {
	low, high, lowOpen, highOpen := f.interval()
	return (x > low || x == low && !lowOpen) && (x < high || x == high && !highOpen) // false for NaN
}

// rangeText is the interval in words, with a leading space.
func (f *field) rangeText() string {
	low, high, lowOpen, highOpen := f.interval()
	text := fmt.Sprintf(" from %.12g", low)
	if lowOpen {
		text = fmt.Sprintf(" above %.12g", low)
	}
	switch {
	case high > 1e300:
		if !lowOpen {
			text = fmt.Sprintf(" of at least %.12g", low)
		}
		return text
	case highOpen:
		return text + fmt.Sprintf(" to below %.12g", high)
	}
	return text + fmt.Sprintf(" to %.12g", high)
}

// Error lists everything that is wrong with a configuration, one line each.
type Error struct{ Problems []string }

func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// newError is nil without problems. source tells where a key was given.
func newError(problems []problem, source map[string]string) error {
	if len(problems) == 0 {
		return nil
	}
	e := &Error{}
	for _, p := range problems {
		line := p.key + " " + p.text
		if s := source[p.key]; s != "" {
			line = s + ": " + line
		}
		e.Problems = append(e.Problems, line)
	}
	return e
}
