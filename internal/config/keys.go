package config

import (
	"reflect"
	"strings"
)

// field is a leaf of Config.
type field struct {
	key   string // "train.meta.lr"
	index []int  // for reflect.Value.FieldByIndex
	typ   reflect.Type
	valid string // the accepted values, as the valid tag has them
}

// fields are the leaves of Config in the order of the structs; fieldOf finds one by key.
var (
	fields  = leaves(reflect.TypeFor[Config](), "", nil)
	fieldOf = func() map[string]*field {
		m := make(map[string]*field, len(fields))
		for i := range fields {
			m[fields[i].key] = &fields[i]
		}
		return m
	}()
)

func leaves(t reflect.Type, prefix string, index []int) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int{}, index...), i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case f.Anonymous: // inlined in YAML
			out = append(out, leaves(f.Type, prefix, at)...)
		case f.Type.Kind() == reflect.Struct:
			out = append(out, leaves(f.Type, prefix+name+".", at)...)
		default:
			out = append(out, field{prefix + name, at, f.Type, f.Tag.Get("valid")})
		}
	}
	return out
}

// Keys lists every key, in the order of the YAML files.
func Keys() []string {
	keys := make([]string, len(fields))
	for i := range fields {
		keys[i] = fields[i].key
	}
	return keys
}

// EnvName is the environment variable that sets key: HDMNET_TRAIN_META_LR for
// train.meta.lr.
func EnvName(key string) string {
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
