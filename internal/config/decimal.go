package config

import (
	"cmp"
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Numbers are decimal wherever they are given: 010 is ten. YAML 1.1 takes it for eight,
// and so does Go where it guesses the base.
var (
	wholeNumber = regexp.MustCompile(`^[-+]?[0-9]+$`)
	number      = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
)

// parseInt reads a whole number, or says why it does not where there is more to say than
// that the text is none.
func parseInt(text string) (n int, reason string, ok bool) {
	if !wholeNumber.MatchString(text) {
		return 0, notDecimal(text), false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, text + " is too large", false
	}
	return n, "", true
}

// parseFloat is parseInt for numbers that the network computes with, in float32.
func parseFloat(text string) (x float64, reason string, ok bool) {
	if !number.MatchString(text) {
		return 0, notDecimal(text), false
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(x) > math.MaxFloat32 {
		return 0, text + " is too large for a float32", false
	}
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	if float32(x) == 0 && strings.ContainsAny(digits, "123456789") {
		return 0, text + " is too small for a float32, which would hold 0", false
	}
	return x, "", true
}

// notDecimal is the reason to refuse a number in another base, or with marks in it.
func notDecimal(text string) string {
	if _, err := strconv.ParseInt(text, 0, 64); err == nil {
		return text + " is not written in decimal digits alone"
	}
	return ""
}

// DecimalFlags makes the flags for numbers decimal: 010 is ten, and 0x10, 1_000 and NaN are
// errors, as they are in files and in --set.
func DecimalFlags(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		switch f.Value.Type() {
		case "int", "float64":
			if _, done := f.Value.(decimal); !done {
				f.Value = decimal{f.Value}
			}
		}
	})
}

// decimal is the value of a flag that takes decimal numbers alone.
type decimal struct{ pflag.Value }

// Set passes the number on, a whole one without the zeros before it, which mean base 8 to
// pflag.
func (d decimal) Set(text string) error {
	switch {
	case wholeNumber.MatchString(text):
		digits := strings.TrimLeft(text, "+-0")
		return d.Value.Set(text[:len(text)-len(strings.TrimLeft(text, "+-"))] + cmp.Or(digits, "0"))
	case !number.MatchString(text):
		return errors.New(cmp.Or(notDecimal(text), "expected a decimal number"))
	}
	return d.Value.Set(text)
}
