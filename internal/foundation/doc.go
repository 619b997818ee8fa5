// Package foundation is what methods share that find objects by the features of a frozen encoder: the
// encoder of pictures at its square input, a cache of features, the patches that show an object, products
// of features on the device, and the way back to the picture's size.
//
// A method is a package with a Method, such as insid3 and prototypes; the registry of package experiment
// names them.
package foundation

import (
	"hdmnet/internal/data"
	"hdmnet/internal/vit"
)

// Method is a way to find objects without training, with its settings.
type Method interface {
	// Side is that of the square input in pixels, a multiple of the encoder's patch.
	Side() int
	// Check says which setting is out of range for an encoder.
	Check(vit.Spec) error
	// Open prepares the method for an encoder whose input has its side. Errors: weights that give NaN.
	Open(*Encoder) (Finder, error)
	// String tells the method and all settings that results depend on, but for the side.
	String() string
}

// Finder finds the objects of episodes.
type Finder interface {
	// Find returns the probability [e.H,e.W] of an episode's object for every pixel of its query; above 1/2
	// is the object. Pictures and masks of the episode are those of Encoder.Picture and Encoder.Label, at
	// the side Encoder.Size, gray levels. Features are kept under the pictures' names.
	//
	// Errors: weights that give NaN, naming the picture.
	Find(e *data.Episode) ([]float32, error)
}
