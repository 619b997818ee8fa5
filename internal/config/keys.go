package config

import (
	"fmt"
	"reflect"
	"strings"
)

// field is a leaf of Config.
type field struct {
	key   string // "train.meta.lr"
	index []int  // for reflect.Value.FieldByIndex
	typ   reflect.Type
	valid string // the accepted values, as the valid tag has them
	init  any    // the default, as parseText makes it
	doc   string // what it means; may be empty
}

// fields are the leaves of Config in the order of the structs; fieldOf finds one by key.
// sectionDoc is what a section is, by its path.
var (
	sectionDoc = map[string]string{}
	fields     = leaves(reflect.TypeFor[Config](), "", nil, nil)
	fieldOf    = func() map[string]*field {
		m := make(map[string]*field, len(fields))
		for i := range fields {
			m[fields[i].key] = &fields[i]
		}
		return m
	}()
)

// leaves lists the fields of a struct. defaults, by name, go before those of the tags. A
// wrong tag is a defect of this package.
func leaves(t reflect.Type, prefix string, index []int, defaults map[string]string) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int{}, index...), i)
		name, tag := f.Tag.Get("yaml"), f.Tag.Get("default")
		switch {
		case f.Anonymous: // its fields are keys of this section
			own := map[string]string{}
			for _, pair := range strings.Fields(tag) {
				key, value, _ := strings.Cut(pair, "=")
				own[key] = value
			}
			out = append(out, leaves(f.Type, prefix, at, own)...)
		case f.Type.Kind() == reflect.Struct:
			sectionDoc[prefix+name] = f.Tag.Get("doc")
			out = append(out, leaves(f.Type, prefix+name+".", at, nil)...)
		default:
			if text, ok := defaults[name]; ok {
				tag = text
				delete(defaults, name)
			}
			leaf := field{key: prefix + name, index: at, typ: f.Type, valid: f.Tag.Get("valid"), doc: f.Tag.Get("doc")}
			var err error
			if leaf.init, err = leaf.parseText(tag); err != nil {
				panic(fmt.Sprintf("config: the default of %s: %v", leaf.key, err))
			}
			out = append(out, leaf)
		}
	}
	if len(defaults) > 0 {
		panic(fmt.Sprintf("config: defaults of %s for no field: %v", strings.TrimSuffix(prefix, "."), defaults))
	}
	return out
}

// renamed gives the key that one of an earlier version is now. Files, variables and
// checkpoints may still have the old name.
var renamed = map[string]string{
	"dataset.split":                    "dataset.fold_scheme",
	"train.base.head_lr_multiplier":    "train.base.lr_mult.head",
	"train.base.encoder_lr_multiplier": "train.base.lr_mult.backbone",
	"train.meta.head_lr_multiplier":    "train.meta.lr_mult.head",
	"eval.draw_workers":                "eval.emulated_dataloader_workers",
}

// CurrentKey is the name of a key now: another than the given one where it was renamed.
func CurrentKey(key string) string {
	if now, ok := renamed[key]; ok {
		return now
	}
	return key
}

// allKeys lists every key, in the order of the YAML files.
func allKeys() []string {
	keys := make([]string, len(fields))
	for i := range fields {
		keys[i] = fields[i].key
	}
	return keys
}

// envName is the environment variable that sets key: HDMNET_TRAIN_META_LR for
// train.meta.lr.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

const envPrefix = "HDMNET_"

// isSection tells whether key is a mapping that holds keys, such as train.meta.
func isSection(key string) bool {
	for i := range fields {
		if strings.HasPrefix(fields[i].key, key+".") {
			return true
		}
	}
	return false
}

// nearest returns the known name most like the given one, or "" when nothing is like
// it. Names with the same last part count as near: train.lr is train.meta.lr.
func nearest(given string, known []string) string {
	best, bestDistance := "", len(given)/2+1
	last := given[strings.LastIndex(given, ".")+1:]
	for _, k := range known {
		d := editDistance(given, k)
		if strings.HasSuffix(k, "."+last) {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// editDistance is the number of single-character insertions, deletions and
// replacements between a and b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := diagonal
			if a[i-1] != b[j-1] {
				replace++
			}
			diagonal = row[j]
			row[j] = min(replace, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
