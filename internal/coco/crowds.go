package coco

import "fmt"

// Crowds says what becomes of annotations with iscrowd 1. COCO marks regions of many
// objects so, which published masks leave out; CVAT marks every mask drawn with a brush.
type Crowds int

// What becomes of crowds.
const (
	SkipCrowds   Crowds = iota // not drawn
	DrawCrowds                 // drawn like others
	IgnoreCrowds               // drawn with 255: their pixels do not count
)

var crowdNames = [...]string{SkipCrowds: "skip", DrawCrowds: "draw", IgnoreCrowds: "ignore"}

// String is the name as on the command line.
func (c Crowds) String() string {
	if c < 0 || int(c) >= len(crowdNames) {
		return fmt.Sprintf("Crowds(%d)", int(c))
	}
	return crowdNames[c]
}

// ParseCrowds is the reverse of String: "skip", "draw" or "ignore".
func ParseCrowds(name string) (Crowds, error) {
	for c, n := range crowdNames {
		if n == name {
			return Crowds(c), nil
		}
	}
	return 0, fmt.Errorf("crowds %q, expected %s, %s or %s", name, DrawCrowds, IgnoreCrowds, SkipCrowds)
}
