package data

// SizedSource is a MaskSource that tells the size of a picture without decoding it.
type SizedSource interface {
	MaskSource
	// Size is the height and width of picture i. Errors name the file.
	Size(i int) (h, w int, err error)
}

// Size reads the image's header. It is the size that the image is read with.
func (s *ListSource) Size(i int) (h, w int, err error) {
	size, err := s.reader.Size(s.path(s.entries[i].Image))
	if err != nil {
		return 0, 0, err
	}
	h, w = size.Read()
	return h, w, nil
}

// Size is the same for all scenes.
func (s *Shapes) Size(int) (h, w int, err error) { return s.opt.Size, s.opt.Size, nil }
