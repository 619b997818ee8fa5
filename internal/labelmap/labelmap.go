// Package labelmap says what the values of label maps and masks mean: 0 is the background,
// 1 to MaxClasses are classes, or 1 the object where there is only one.
package labelmap

const (
	// Ignore is the value of pixels that count neither in a loss nor in a score.
	Ignore = 255
	// MaxClasses is the largest number of classes besides the background.
	MaxClasses = Ignore - 1
)
