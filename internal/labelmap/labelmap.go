// Package labelmap says what the values of label maps and masks mean: 0 is the background,
// 1 to MaxClasses are classes, or 1 the object where there is only one.
package labelmap

import "strings"

const (
	// Ignore is the value of pixels that count neither in a loss nor in a score.
	Ignore = 255
	// MaxClasses is the largest number of classes besides the background.
	MaxClasses = Ignore - 1
)

// Special is the value of a label that is no class: 0 for background, Ignore for ignore, with
// or without underscores around them as LabelMe writes them, in letters of any case.
func Special(label string) (value uint8, ok bool) {
	switch strings.ToLower(strings.Trim(label, "_")) {
	case "ignore":
		return Ignore, true
	case "background":
		return 0, true
	}
	return 0, false
}
