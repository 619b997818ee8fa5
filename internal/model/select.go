package model

import (
	"fmt"
	"slices"
	"strings"

	"hdmnet/internal/infile"
	"hdmnet/internal/vit"
	"hdmnet/internal/weights"
)

// anchors are tensors by which the known layouts are found behind a prefix.
var anchors = append([]string{"layer0.0.weight", "encoder.0.0.weight", "features.0.weight", "conv1.weight", encoderAnchor}, vit.Anchors...)

// momentsKey is where checkpoints keep the optimizer's moments, which have the names and
// shapes of a network.
const momentsKey = "optimizer"

// candidate is a place in a file of weights that holds a network known here.
type candidate struct {
	key    string // for weights.File.At; empty: the top
	file   *weights.File
	layout Layout
}

// Select finds the network in a file of weights, in whatever dict and behind whatever
// prefix (module. of DataParallel, _orig_mod. of torch.compile, model. of Lightning, the
// weights of an EMA), and returns the file with its tensors alone, without the prefix. Of a
// whole network and parts of one it is the whole one. Where several fit, the error lists
// them: the choice is a person's, with the key. A file without a known network comes back
// as it is.
func Select(f *weights.File) (*weights.File, error) {
	var all []candidate
	for _, key := range f.Keys() {
		if first, _, _ := strings.Cut(key, "."); first == momentsKey {
			continue
		}
		here, err := f.At(key)
		if err != nil {
			continue // not the dict that Open found usable: another may be
		}
		found, err := candidates(key, here)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	best := slices.MaxFunc(append(all, candidate{}), func(a, b candidate) int { return rank(a) - rank(b) })
	all = slices.DeleteFunc(all, func(c candidate) bool { return rank(c) < rank(best) })
	if f.Chosen() {
		for _, c := range all {
			if c.file.Prefix() == f.Prefix() {
				return c.file, nil
			}
		}
	}
	switch len(all) {
	case 0:
		return f, nil
	case 1:
		return all[0].file, nil
	}
	slices.SortFunc(all, func(a, b candidate) int { return strings.Compare(a.key, b.key) })
	var texts []string
	for _, c := range all {
		key := c.key
		if key == "" {
			key = weights.TopKey
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", infile.Shown(key), c.layout))
	}
	return nil, &weights.FormatError{Path: f.Path(), Reason: fmt.Sprintf("it holds %d networks: %s", len(all), strings.Join(texts, "; ")),
		Remedy: "choose one with --key NAME, or give FILE#NAME"}
}

// rank orders the kinds by how much of a network they are.
func rank(c candidate) int {
	return slices.Index([]Kind{"", BackboneAlone, BaseLearner, Network}, c.layout.Kind)
}

// candidates are the networks in one dict, each behind its prefix.
func candidates(key string, f *weights.File) ([]candidate, error) {
	raw := map[string]string{} // the name without wrappers' parts → as it is
	for _, name := range f.Names() {
		raw[weights.WithoutWrappers(name)] = name
	}
	var out []candidate
	tried := map[string]bool{}
	for _, name := range f.Names() {
		bare := weights.WithoutWrappers(name)
		for _, anchor := range anchors {
			prefix, ok := strings.CutSuffix(bare, anchor)
			if !ok || tried[prefix] || prefix != "" && !strings.HasSuffix(prefix, ".") || strings.HasPrefix(prefix, momentsKey+".") {
				continue
			}
			tried[prefix] = true
			l, translate := match(func(name string) ([]int, bool) {
				is, ok := raw[prefix+name]
				if !ok {
					return nil, false
				}
				return f.Shape(is)
			})
			if l.Kind == UnknownKind || anchor == encoderAnchor && l.Kind == BackboneAlone {
				continue // an encoder alone is found without its prefix
			}
			if shown, ok := strings.CutSuffix(name, anchor); ok {
				prefix = shown // with _orig_mod, for people
			}
			under, err := f.Under(prefix)
			if err != nil {
				return nil, err
			}
			view, err := translate(under)
			if err != nil {
				return nil, err
			}
			l.measure(view)
			out = append(out, candidate{strings.Trim(key+"."+prefix, "."), under, l})
		}
	}
	return out, nil
}
