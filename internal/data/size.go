package data

// SizedSource is a MaskSource that tells the size of a picture without decoding it.
type SizedSource interface {
	MaskSource
	// Size is the height and width of picture i. Errors name the file.
	Size(i int) (h, w int, err error)
}

// Size reads the image's header.
func (s *ListSource) Size(i int) (h, w int, err error) {
	return ImageSize(s.path(s.entries[i].Image))
}

// Size is the same for all scenes.
func (s *Shapes) Size(int) (h, w int, err error) { return s.opt.Size, s.opt.Size, nil }
