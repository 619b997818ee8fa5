package data

// Scene is one picture with its mask.
type Scene struct {
	Name  string  // what a person calls it: the image's path in the list, or the scene's number
	H, W  int     // pixels
	Image []uint8 // [H,W,3] RGB, 0..255
	Mask  []uint8 // [H,W] class index, 0 background, 255 ignore

	file []byte // memory for the files' content, for the next use
}

// Source is a set of pictures with class-index masks. All methods may be
// called from several goroutines at once.
type Source interface {
	// Len is the number of pictures.
	Len() int
	// Name says which picture i is, 0 <= i < Len.
	Name(i int) string
	// Load reads picture i into memory that the caller then owns. Errors name the file.
	Load(i int) (*Scene, error)
}

// ReuseSource is a Source that can read a picture into the memory of another
// one. The loader uses it where there is one, so that a picture costs no new memory.
type ReuseSource interface {
	Source
	// LoadInto is Load into the memory of s where it suffices. After an error s is of no use but for this.
	LoadInto(s *Scene, i int) error
}

// MaskSource is a Source that can give a mask without decoding its picture.
// BuildIndex uses it where there is one.
type MaskSource interface {
	Source
	// LoadMask gives the mask of picture i, [H,W] class indices.
	LoadMask(i int) ([]uint8, error)
}

// Split is the side of a fold that episodes come from.
type Split int

// The sides of a fold.
const (
	Train Split = iota // episodes over the fold's base classes
	Val                // episodes over the fold's novel classes
)

// String gives "train" or "val".
func (s Split) String() string {
	if s == Val {
		return "val"
	}
	return "train"
}
