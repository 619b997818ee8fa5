package studio

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"hdmnet/internal/serve/project"
)

// State is all that there is, for the page.
type State struct {
	Classes  []project.Class `json:"classes"`
	Images   []project.Image `json:"images"`
	Supports []SupportEntry  `json:"supports"`
	Masks    []MaskEntry     `json:"masks"`
	Jobs     []JobEntry      `json:"jobs"`
}

// SupportEntry is a support in State.
type SupportEntry struct {
	Image    string          `json:"image"`
	Class    int             `json:"class"`
	Object   float64         `json:"object"`
	Strokes  json.RawMessage `json:"strokes"`
	Revision int64           `json:"revision"`
}

// MaskEntry is a mask in State and in events.
type MaskEntry struct {
	Image      string         `json:"image"`
	Class      int            `json:"class"`
	Confidence float64        `json:"confidence"`
	Area       float64        `json:"area"`
	Status     project.Status `json:"status"`
	Corrected  bool           `json:"corrected"`
	Stale      bool           `json:"stale"`
	Revision   int64          `json:"revision"`
}

// NewSupportEntry is the entry of a picture's support.
func NewSupportEntry(r *project.Record, v *project.Support) SupportEntry {
	strokes := v.Strokes
	if strokes == nil {
		strokes = json.RawMessage("null")
	}
	return SupportEntry{r.Image.ID, v.Class, v.Object, strokes, v.Revision}
}

// newMaskEntry is that of a picture's mask; key names the supports that there are now.
func newMaskEntry(r *project.Record, m *project.Mask, key string) MaskEntry {
	return MaskEntry{r.Image.ID, m.Class, m.Confidence, m.Area, m.Status, m.Corrected, !m.Decided() && m.From != key, m.Revision}
}

// State tells all that there is.
func (s *Studio) State() State {
	records, keys := s.Project.Records(), s.keys()
	out := State{Classes: s.Project.Classes(), Images: []project.Image{}, Supports: []SupportEntry{}, Masks: []MaskEntry{}, Jobs: []JobEntry{}}
	for _, r := range records {
		out.Images = append(out.Images, r.Image)
		for i := range r.Supports {
			if v := &r.Supports[i]; keys[v.Class] != "" {
				out.Supports = append(out.Supports, NewSupportEntry(r, v))
			}
		}
		for i := range r.Masks {
			if key, ok := keys[r.Masks[i].Class]; ok {
				out.Masks = append(out.Masks, newMaskEntry(r, &r.Masks[i], key))
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		out.Jobs = append(out.Jobs, j.Entry())
	}
	return out
}

// Mask is the entry of a picture's mask.
func (s *Studio) Mask(r *project.Record, class int) (MaskEntry, bool) {
	m := r.Mask(class)
	key, known := s.keys()[class]
	if m == nil || !known {
		return MaskEntry{}, false
	}
	return newMaskEntry(r, m, key), true
}

// keys name, for every class, its supports and the network. Results under another key are
// stale.
func (s *Studio) keys() map[int]string {
	s.keying.Lock()
	defer s.keying.Unlock()
	turn := s.Project.Turn()
	if s.named != nil && turn == s.turn {
		return s.named
	}
	sums := map[int]string{}
	classes := s.Project.Classes()
	for _, c := range classes {
		sums[c.ID] = s.Identity
	}
	for _, r := range s.Project.Records() {
		for _, v := range r.Supports {
			if before, ok := sums[v.Class]; ok {
				sums[v.Class] = before + "\n" + supportName(r.Image.ID, v.Sum)
			}
		}
	}
	for class, text := range sums {
		sum := sha256.Sum256([]byte(text))
		sums[class] = hex.EncodeToString(sum[:8])
	}
	s.named, s.turn = sums, turn
	return sums
}

func maskSum(mask []uint8) string {
	sum := sha256.Sum256(mask)
	return hex.EncodeToString(sum[:8])
}

// count is a number of things in words.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
